"""Bounds on HTML that a parser must not be given: one cheap pass over the source, before any tree is built.

Measured with Resiliparse 2.0 on made-up pages: time grows with the square of the attributes of a tag (20,000: 0.7 s)
and with the sum of the depths of all elements (5e7: 2 to 7 s), memory with the elements (0.5 kB each), and of these
a parser makes more than there are tags: it opens formatting elements again in every block (HTML Standard, 13.2.4.3).
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
MAX_OPTIONS = 10_000
"""``option`` tags; the time of a ``select`` grows with their square (10,000: 0.5 s, 62,000: 20 s)."""
MAX_REOPENED = 500_000
"""Sum over all start tags of the formatting elements open there; 1,000 open in 3,000 paragraphs: 9 s, 1.3 GB."""

LT, GT, SLASH, EQUALS, SINGLE, DOUBLE, SPACE, A, Z, BANG, HYPHEN, QUESTION = b"<>/='\" AZ!-?"
CASE = 0x20
NAME_BYTES = 8
SHORTEST_TAG = len("<b>")
COMMENT = np.uint64(1)

NONE, TAGS, DEPTHS, ATTRIBUTES, OPTIONS, REOPENED = range(6)
MESSAGES = {
    TAGS: "more than {max_tags} start tags",
    DEPTHS: f"elements so deeply nested that their depths sum to more than {MAX_DEPTHS}",
    ATTRIBUTES: f"a tag with more than {MAX_ATTRIBUTES} attributes",
    OPTIONS: f"more than {MAX_OPTIONS} options",
    REOPENED: f"formatting elements open at start tags sum to more than {MAX_REOPENED}",
}


class HtmlLimitError(ValueError):
    """The page is too large or too deep to be parsed in bounded time and memory."""


def check(html: str, max_tags: int = MAX_TAGS) -> None:
    """Raise HtmlLimitError for a source beyond ``max_tags`` or one of this module's limits.

    Void elements, those whose end tag may be left out (HTML Standard, 13.1.2), ``a``, which ends an open ``a``, and
    the leaves of SVG are not taken as open.
    """
    source = np.frombuffer(html.encode("utf-8", "surrogatepass"), np.uint8)
    excess = _excess(source, (NEVER_OPEN, RAW, UNLIKE), max_tags, MAX_DEPTHS, MAX_ATTRIBUTES, MAX_OPTIONS)
    excess = excess or REOPENED * _reopens(source, FORMATTING, SCOPES, RAW, MAX_REOPENED)
    if excess:
        raise HtmlLimitError(MESSAGES[excess].format(max_tags=max_tags))


def pack(name: str) -> int:
    """Turn an element's name into the number the kernel compares: its first 8 bytes."""
    return int.from_bytes(name.encode()[:NAME_BYTES], "big")


def _packed(names: str) -> Names:
    return np.array([pack(name) for name in names.split()], np.uint64)


_LEFT_OPEN = (
    "a area base basefont bgsound body br caption col colgroup dd dt embed frame head hr html img input keygen li link "
    "meta optgroup option p param rb rp rt rtc source tbody td tfoot th thead tr track wbr "
    "circle ellipse line path polygon polyline rect stop use"
)
NEVER_OPEN = _packed(_LEFT_OPEN)
FORMATTING = _packed("b big code em font i nobr s small strike strong tt u")
SCOPES = _packed("applet marquee object select table template")
"""Elements in which an end tag closes no formatting element of outside."""
RAW = _packed("iframe noembed noframes script style textarea title xmp")
UNLIKE = _packed("frameset math select svg")
"""Elements in which RAW ones are no raw text."""
OPTION = pack("option")
SAME = 3
"""Equal formatting elements that stay open (HTML Standard, 13.2.4.3)."""


@njit(cache=True, nogil=True)
def _excess(
    html: Bytes, sets: tuple[Names, Names, Names], max_tags: int, max_depths: int, max_attributes: int, max_options: int
) -> int:
    never_open, raw, unlike = sets
    names = np.zeros(int(np.sqrt(2 * max_depths)) + 2, np.uint64)
    depth = tags = depths = options = at = 0
    while at < html.size - 1:
        if html[at] != LT:
            at += 1
            continue
        start = at
        closing = html[at + 1] == SLASH
        name, at = _name(html, at + 1 + closing)
        if name == 0:
            at = _behind_comment(html, start)
            continue
        attributes, at = _attributes(html, at)
        if closing:
            depth = _depth_without(names, depth, name)
            continue
        tags += 1
        depths += depth
        options += name == OPTION
        excess = (
            TAGS * (tags > max_tags)
            or DEPTHS * (depths > max_depths)
            or ATTRIBUTES * (attributes > max_attributes)
            or OPTIONS * (options > max_options)
        )
        if excess:
            return excess
        if np.any(raw == name) and not _holds(names[:depth], unlike):
            at = _raw_end(html, at, name)
        elif not np.any(never_open == name):
            names[depth] = name
            depth += 1
    return NONE


@njit(cache=True, nogil=True)
def _holds(names: Names, wanted: Names) -> bool:
    found = False
    for name in wanted:
        found = found or bool(np.any(names == name))
    return found


@njit(cache=True, nogil=True)
def _behind_comment(html: Bytes, at: int) -> int:
    """Find the place behind a comment, a doctype or the like that starts at ``at``; behind ``<`` if none does."""
    if html[at + 1] not in (BANG, QUESTION, SLASH):
        return at + 1
    comment = _starts_comment(html, at + 1)
    at += len("<!") + comment * len("--")
    while at < html.size and (html[at] != GT or (comment and not _ends_comment(html, at))):
        at += 1
    return at + 1


@njit(cache=True, nogil=True)
def _raw_end(html: Bytes, at: int, name: np.uint64) -> int:
    """Find the end tag of a raw text that starts at ``at``."""
    while at < html.size - 1 and not (html[at] == LT and html[at + 1] == SLASH and _name(html, at + 2)[0] == name):
        at += 1
    return at


@njit(cache=True, nogil=True)
def _reopens(html: Bytes, formatting: Names, scopes: Names, raw: Names, limit: int) -> bool:
    """Tell whether the formatting elements open at start tags sum to more than ``limit``.

    As in the standard's list, each scope leaves a mark between them, behind which end tags do not reach. In comments
    and raw text start tags count and end tags do not: a parser may see there what this pass cannot.
    """
    names = np.zeros(html.size // SHORTEST_TAG + 1, np.uint64)
    prints = np.zeros_like(names)
    quiet = np.uint64(0)
    size = marks = total = at = 0
    while at < html.size - 1:
        if html[at] != LT:
            quiet *= quiet != COMMENT or not _ends_comment(html, at)
            at += 1
            continue
        start = at + 1
        closing = html[start] == SLASH
        name, at = _name(html, start + closing)
        if closing:
            quiet *= quiet != name
            at = at if quiet else _attributes(html, at)[1]
            kept = size if quiet else _without(names, prints, size, name, scopes)
            marks -= int(kept < size and np.any(scopes == name))
            size = kept
        elif name:
            _, at = _attributes(html, at)
            total += size - marks
            if total > limit:
                return True
            quiet = name if quiet == 0 and np.any(raw == name) else quiet
            names[size], prints[size] = name, _print(html, start, at)
            mark = bool(np.any(scopes == name))
            marks += mark
            size += int(mark or (np.any(formatting == name) and _fewer(prints[:size], prints[size], limit)))
        elif quiet == 0 and _starts_comment(html, start):
            quiet = COMMENT
    return False


@njit(cache=True, nogil=True)
def _fewer(prints: Names, tag: np.uint64, limit: int) -> bool:
    """Tell whether fewer than SAME elements were opened by this tag, among all that can be open within ``limit``."""
    return bool(np.sum(prints[-int(np.sqrt(2 * limit)) - 1 :] == tag) < SAME)


@njit(cache=True, nogil=True)
def _starts_comment(html: Bytes, at: int) -> bool:
    return at + 2 < html.size and html[at] == BANG and html[at + 1] == HYPHEN and html[at + 2] == HYPHEN


@njit(cache=True, nogil=True)
def _ends_comment(html: Bytes, at: int) -> bool:
    """Tell whether a ``>`` ends a comment: ``-->``, ``--!>``, and ``<!-->``, whose hyphens are the comment's own."""
    if html[at] != GT:
        return False
    end = at - (html[at - 1] == BANG)
    return bool(end >= 2 and html[end - 1] == HYPHEN and html[end - 2] == HYPHEN)  # noqa: PLR2004


@njit(cache=True, nogil=True)
def _without(names: Names, prints: Names, size: int, name: np.uint64, scopes: Names) -> int:
    """Take the last entry of this name out, if no scope's mark is behind it; returns how many are left."""
    for place in range(size - 1, -1, -1):
        if names[place] == name:
            names[place : size - 1] = names[place + 1 : size].copy()
            prints[place : size - 1] = prints[place + 1 : size].copy()
            return size - 1
        if np.any(scopes == names[place]):
            break
    return size


@njit(cache=True, nogil=True)
def _print(html: Bytes, start: int, end: int) -> np.uint64:
    """Hash a tag (FNV-1a)."""
    value = np.uint64(0xCBF29CE484222325)
    for at in range(start, min(end, html.size)):
        value = (value ^ np.uint64(html[at])) * np.uint64(0x100000001B3)
    return value


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
