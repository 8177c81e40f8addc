"""Parts of URLs as columns."""

import pyarrow as pa
import pyarrow.compute as pc

AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:]+)"
"""Scheme, userinfo and host of RFC 3986, section 3."""
LONGEST_HOST = 253
"""Characters a host name may have (RFC 1035); a longer one is no host, and costly to convert."""


def hosts(urls: pa.Array) -> pa.Array:
    """Host of each URL: lower case, punycode, no port, userinfo or final dot; null where there is none."""
    found = pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, AUTHORITY), "host"))
    return punycode(pc.utf8_rtrim(found, characters="."))


def punycode(names: pa.Array) -> pa.Array:
    """Host names with those that are not ASCII in punycode; one that has no punycode stays as it is."""
    foreign = pc.fill_null(pc.invert(pc.string_is_ascii(names)), False)
    return pc.replace_with_mask(
        names, foreign, pa.array([_to_punycode(name) for name in names.filter(foreign).to_pylist()], names.type)
    )


def _to_punycode(name: str) -> str:
    if len(name) > LONGEST_HOST:
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
