"""Finds the one JSON object that a judge meant as its answer, and never takes it from the page that was judged."""

import json
from collections.abc import Iterator
from typing import Any

END_OF_THOUGHT = "</think>"
"""What reasoning models write between their thoughts and their answer where the server leaves the thoughts in."""


MOST_STARTS = 50
"""Braces of an answer at which an object is looked for; each may cost a look at the whole answer."""


class UnfitAnswerError(ValueError):
    """An answer that cannot be used; the message is its kind, then after a colon what is particular to it."""


def find_answer(content: str, page: str) -> dict[str, Any]:
    """Return the JSON object in an answer that may be surrounded by prose, a code fence or thoughts.

    An object that stands on the page itself, whatever its spaces, is a quotation or an obeyed injection and no answer.
    Raises UnfitAnswerError where no object, or more than one, remains.
    """
    answer = content.rpartition(END_OF_THOUGHT)[2]
    if not answer.strip():
        raise UnfitAnswerError("empty answer")
    found = list(_objects(answer))
    if not found:
        raise UnfitAnswerError("no JSON object in the answer")
    on_page = squeeze(page)
    own = [record for source, record in found if squeeze(source) not in on_page]
    if not own:
        raise UnfitAnswerError("answer copied from the page")
    if len(own) > 1:
        raise UnfitAnswerError(f"more than one JSON object in the answer: {len(own)}")
    return own[0]


def squeeze(text: str) -> str:
    """Remove all whitespace."""
    return "".join(text.split())


def _objects(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every outermost JSON object with its source, from left to right."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    starts = 0
    while start >= 0:
        if (starts := starts + 1) > MOST_STARTS:
            raise UnfitAnswerError("too many braces in the answer")
        try:
            record, end = decoder.raw_decode(text, start)
        except ValueError:
            start = text.find("{", start + 1)
            continue
        except RecursionError:
            raise UnfitAnswerError("answer nested too deep") from None
        yield text[start:end], record
        start = text.find("{", end)
