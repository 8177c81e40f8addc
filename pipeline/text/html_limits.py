"""Bounds on HTML that a parser must not be given: one cheap pass over the source, before any tree is built.

Measured with Resiliparse 2.0 on made-up pages: time grows with the square of the attributes of a tag (20,000: 0.7 s)
and with the sum of the depths of all elements (5e7: 2 to 7 s), memory with the elements (0.5 kB each).
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Names = npt.NDArray[np.uint64]

MAX_TAGS = 500_000
MAX_DEPTHS = 20_000_000
"""Sum over all start tags of the elements open around them; 20,000 tags at depth 20 make 400,000."""
MAX_ATTRIBUTES = 1_000
"""Attributes of one tag."""

LT, GT, SLASH, EQUALS, SINGLE, DOUBLE, SPACE, A, Z = b"<>/='\" AZ"
CASE = 0x20
NAME_BYTES = 8


NONE, TAGS, DEPTHS, ATTRIBUTES = range(4)
MESSAGES = {
    TAGS: "more than {max_tags} start tags",
    DEPTHS: f"elements so deeply nested that their depths sum to more than {MAX_DEPTHS}",
    ATTRIBUTES: f"a tag with more than {MAX_ATTRIBUTES} attributes",
}


class HtmlLimitError(ValueError):
    """The page is too large or too deep to be parsed in bounded time and memory."""


def check(html: str, max_tags: int = MAX_TAGS) -> None:
    """Raise HtmlLimitError for a source with more than ``max_tags``, MAX_DEPTHS or MAX_ATTRIBUTES.

    Void elements, those whose end tag may be left out (HTML Standard, 13.1.2), ``a``, which ends an open ``a``, and
    the leaves of SVG are not taken as open.
    """
    source = np.frombuffer(html.encode("utf-8", "surrogatepass"), np.uint8)
    excess = _excess(source, NEVER_OPEN, max_tags, MAX_DEPTHS, MAX_ATTRIBUTES)
    if excess:
        raise HtmlLimitError(MESSAGES[excess].format(max_tags=max_tags))


def pack(name: str) -> int:
    """Turn an element's name into the number the kernel compares: its first 8 bytes."""
    return int.from_bytes(name.encode()[:NAME_BYTES], "big")


_LEFT_OPEN = (
    "a area base basefont bgsound body br caption col colgroup dd dt embed frame head hr html img input keygen li link "
    "meta optgroup option p param rb rp rt rtc source tbody td tfoot th thead tr track wbr "
    "circle ellipse line path polygon polyline rect stop use"
)
NEVER_OPEN = np.array([pack(name) for name in _LEFT_OPEN.split()], np.uint64)


@njit(cache=True, nogil=True)
def _excess(html: Bytes, never_open: Names, max_tags: int, max_depths: int, max_attributes: int) -> int:
    names = np.zeros(int(np.sqrt(2 * max_depths)) + 2, np.uint64)
    depth = tags = depths = at = 0
    while at < html.size - 1:
        if html[at] != LT:
            at += 1
            continue
        closing = html[at + 1] == SLASH
        name, at = _name(html, at + 1 + closing)
        if name == 0 or closing:
            depth = _depth_without(names, depth, name)
            continue
        attributes, at = _attributes(html, at)
        tags += 1
        depths += depth
        excess = (
            TAGS * (tags > max_tags) or DEPTHS * (depths > max_depths) or ATTRIBUTES * (attributes > max_attributes)
        )
        if excess:
            return excess
        if not np.any(never_open == name):
            names[depth] = name
            depth += 1
    return NONE


@njit(cache=True, nogil=True)
def _name(html: Bytes, at: int) -> tuple[np.uint64, int]:
    """Pack the name that starts at ``at``, 0 if no letter does; also the place behind it."""
    name = np.uint64(0)
    start = at
    while at < html.size and html[at] > SPACE and html[at] != SLASH and html[at] != GT:
        byte = html[at] | CASE if A <= html[at] <= Z else html[at]
        if at == start and not (A | CASE) <= byte <= (Z | CASE):
            break
        if at - start < NAME_BYTES:
            name = name << np.uint64(8) | np.uint64(byte)
        at += 1
    return name, at


@njit(cache=True, nogil=True)
def _depth_without(names: Names, depth: int, name: np.uint64) -> int:
    """Depth once the innermost open element of this name is closed; a stray end tag closes nothing."""
    for place in range(depth - 1, -1, -1):
        if names[place] == name:
            return place
    return depth


@njit(cache=True, nogil=True)
def _attributes(html: Bytes, at: int) -> tuple[int, int]:
    """Count attributes up to the tag's ``>``, quoted values skipped; also the place behind it."""
    count = 0
    word = value = False
    while at < html.size and html[at] != GT:
        byte = html[at]
        if value and byte in (DOUBLE, SINGLE):
            at += 1
            while at < html.size and html[at] != byte:
                at += 1
            word = value = False
        elif byte <= SPACE or byte == SLASH:
            word = False
        elif byte == EQUALS and count:
            word, value = False, True
        elif not word:
            count += not value
            word, value = True, False
        at += 1
    return count, at + 1
