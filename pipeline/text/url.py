"""Parts of URLs as columns."""

import pyarrow as pa
import pyarrow.compute as pc

AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:]+)"
"""Scheme, userinfo and host of RFC 3986, section 3."""


def hosts(urls: pa.Array) -> pa.Array:
    """Return the host of each URL in lower case, without port and userinfo; null where there is none."""
    return pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, AUTHORITY), "host"))
