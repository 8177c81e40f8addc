"""What an error says after a wrong name: the nearest valid one, or all of them."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return the ending of an error about a wrong name: the nearest valid one, or all of them."""
    names = list(valid)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; valid here: {', '.join(f'`{item}`' for item in names)}"
