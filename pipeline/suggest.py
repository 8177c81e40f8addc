"""What an error says after a wrong name: the nearest valid one, or all of them."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return the ending of an error about a wrong name: the nearest valid one, or all of them."""
    names = list(valid)
    return nearest(name, names) or f"; valid here: {', '.join(f'`{item}`' for item in names)}"


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the ending of an error about a wrong name: the nearest valid one; nothing if none is near."""
    near = get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
