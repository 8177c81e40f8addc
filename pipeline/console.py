"""What the commands share: where they print, how they end, and how what a user can mend is said."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from classifiers.errors import ClassifierError
from pipeline.compare import CompareError
from pipeline.dedup.index import IndexFolderError
from pipeline.engine import EngineError
from pipeline.plan import PlanError
from pipeline.readers.formats import InputError
from pipeline.recipe import RecipeError
from pipeline.report import ReportError, harmless
from pipeline.runfolder import RunFolderError
from pipeline.similar import QueryError
from pipeline.stats import LedgerError
from pipeline.storage import StorageError

PIPE_WIDTH = 150
USAGE, UNFINISHED, UNBALANCED, INTERRUPTED = 2, 3, 4, 130
MISTAKES = (
    RecipeError,
    PlanError,
    InputError,
    RunFolderError,
    StorageError,
    EngineError,
    CompareError,
    IndexFolderError,
    QueryError,
    ReportError,
    ClassifierError,
)
"""Errors that a user can mend."""

errors = Console(stderr=True)
output = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


@contextmanager
def user_errors(interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turn what a user can mend into a message and an exit code, without a stack trace."""
    try:
        yield
    except MISTAKES as error:
        errors.print(Text(harmless(f"error: {error}")), soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except OSError as error:
        if error.filename is None:
            raise
        errors.print(Text(harmless(f"error: {error.filename}: {error.strerror}")), soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        errors.print(interrupted)
        raise typer.Exit(INTERRUPTED) from None
    except LedgerError as error:
        errors.print(Text(f"error: the ledger does not balance: {error}"), soft_wrap=True)
        raise typer.Exit(UNBALANCED) from None


def tracked(doing: str) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """Show on a terminal how far a walk over parts is."""
    return lambda parts: track(parts, doing, console=errors, transient=True, disable=not errors.is_terminal)
