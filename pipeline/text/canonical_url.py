"""One form for all URLs of a page: what servers and browsers treat alike is made alike (RFC 3986, section 6)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipeline.text.arrow import Bytes, Offsets, buffers
from pipeline.text.url import hosts

PARTS = (
    r"^(?i:https?)://(?:[^/?#@]*@)?(?:\[[^\]/?#]*\]|[^/?#:]+)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>(?s:.*)))?$"
)
"""URLs of the web. One with anything between port and path is none."""
IDLE = "".join(map(chr, range(0x21)))
"""Controls and spaces, which browsers leave out at both ends of a URL (WHATWG URL Standard, 4.4)."""
DEFAULT_PORTS = pa.array(["", "80", "443"])
TRACKING = (
    r"^(?i:utm_.*|gclid|gclsrc|dclid|gbraid|wbraid|_ga|_gl|fbclid|igshid|yclid|ymclid|msclkid|twclid|ttclid|"
    r"li_fat_id|ldtag_cl|mc_cid|mc_eid|mkt_tok|oly_anon_id|oly_enc_id|vero_id|_hsenc|_hsmi|__hssc|__hstc|__s)$"
)
"""Parameters that say where a visitor came from: of Google Analytics and Ads, Meta, Yandex, Microsoft, X, TikTok,
LinkedIn and LINE, and of mail services, as in the query stripping list of Firefox."""
INDEX = r"(?:/index\.html?)?/*$"
DOT_SEGMENT = r"/\.\.?(?:/|$)"
UNRESERVED = np.array([(chr(byte).isascii() and chr(byte).isalnum()) or chr(byte) in "-._~" for byte in range(256)])
RESERVED = np.array([chr(byte) in ":/?#[]@!$&'()*+,;=" for byte in range(256)])
PERCENT = ord("%")
HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
NO_DIGIT = 16
DIGITS = np.array([int(chr(byte), 16) if chr(byte) in "0123456789abcdefABCDEF" else NO_DIGIT for byte in range(256)])


def canonical_urls(urls: pa.Array) -> pa.Array:
    """Bring n URLs into the form ``host[:port][/path][?query][#!state]``; null where there is none of http or https.

    Scheme, user, default port and fragment are dropped, but for a fragment that begins with ``!`` and names a page
    of its own (Google's AJAX crawling scheme); the host is in lower case and punycode (``hosts``); escapes of
    unreserved characters are resolved, all others in upper case, characters that must be escaped are; dot segments are
    resolved, ``index.html``, ``index.htm`` and slashes at the end of the path dropped; parameters are in order of their
    names, those of TRACKING and empty ones dropped.
    """
    trimmed = pc.ascii_trim(urls, characters=IDLE)
    parts = pc.extract_regex(trimmed, PARTS)
    port, path, query, fragment = (pc.struct_field(parts, name) for name in ("port", "path", "query", "fragment"))
    ported = pc.if_else(pc.is_in(port, DEFAULT_PORTS), "", pc.binary_join_element_wise("", port, ":"))
    path = pc.replace_substring_regex(_without_dots(escaped(path)), INDEX, "")
    query = _parameters(escaped(query))
    asked = pc.if_else(pc.equal(query, ""), "", pc.binary_join_element_wise("", query, "?"))
    state = pc.if_else(pc.starts_with(fragment, "!"), pc.binary_join_element_wise("", escaped(fragment), "#"), "")
    return pc.binary_join_element_wise(hosts(trimmed), ported, path, asked, state, "")


def escaped(strings: pa.Array) -> pa.Array:
    """Escape what is not ASCII or no printable character, and resolve the escapes of unreserved characters.

    A % that begins no escape becomes %25. RFC 3986, section 6.2.2.
    """
    starts, data = buffers(strings)
    offsets, found = _escaped(starts, data)
    mask = strings.is_valid().buffers()[1] if strings.null_count else None
    views = [mask, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(found)]
    return pa.Array.from_buffers(pa.string(), len(strings), views)


def _without_dots(paths: pa.Array) -> pa.Array:
    found = pc.fill_null(pc.match_substring_regex(paths, DOT_SEGMENT), False)
    if not pc.any(found).as_py():
        return paths
    return pc.replace_with_mask(
        paths, found, pa.array([_resolved(path) for path in paths.filter(found).to_pylist()], pa.string())
    )


def _resolved(path: str) -> str:
    """Remove dot segments (RFC 3986, section 5.2.4) of a path that begins with a slash."""
    kept: list[str] = []
    for segment in (segments := path.split("/")[1:]):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if segments[-1] in (".", "..") else "")


def _parameters(queries: pa.Array) -> pa.Array:
    """Sort the parameters of n queries by name, those of one name as they stand, and drop those of no account."""
    split = pc.split_pattern(queries, "&")
    rows, parameters = pc.list_parent_indices(split), pc.list_flatten(split)
    names = pc.replace_substring_regex(parameters, "(?s)=.*", "")
    idle = pc.or_(pc.equal(parameters, ""), pc.match_substring_regex(names, TRACKING))
    table = pa.table({"row": rows, "name": names, "parameter": parameters}).filter(pc.invert(idle))
    table = table.append_column("place", pa.array(np.arange(table.num_rows)))
    table = table.sort_by([(key, "ascending") for key in ("row", "name", "place")])
    counts = np.bincount(table["row"].to_numpy(), minlength=len(queries))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, table["parameter"].combine_chunks())
    return pc.if_else(queries.is_valid(), pc.binary_join(lists, "&"), pa.scalar(None, pa.string()))


@njit(cache=True, nogil=True)
def _escaped(starts: Offsets, data: Bytes) -> tuple[Offsets, Bytes]:
    offsets = np.zeros(starts.size, np.int64)
    found = np.empty(3 * (starts[-1] - starts[0]), np.uint8)
    size = 0
    for row in range(starts.size - 1):
        at, end = starts[row], starts[row + 1]
        while at < end:
            byte = data[at]
            at += 1
            escape = byte == PERCENT and at + 1 < end and max(DIGITS[data[at]], DIGITS[data[at + 1]]) < NO_DIGIT
            if escape:
                byte = np.uint8(16 * DIGITS[data[at]] + DIGITS[data[at + 1]])
                at += 2
            if UNRESERVED[byte] or (RESERVED[byte] and not escape):
                found[size] = byte
                size += 1
            else:
                found[size], found[size + 1], found[size + 2] = PERCENT, HEX[byte >> 4], HEX[byte & 15]
                size += 3
        offsets[row + 1] = size
    return offsets, found[:size]
