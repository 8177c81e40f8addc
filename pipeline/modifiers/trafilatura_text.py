"""Text of HTML by trafilatura, with lengths that suit Japanese."""

import logging

import trafilatura
from trafilatura.settings import use_config

from pipeline.text.html_limits import check
from pipeline.text.normalize import keep_spaces

MIN_EXTRACTED_CHARS = "100"
"""Below, trafilatura tries other ways; its own 250 is a paragraph of English, and a whole short article of Japanese."""

MAX_TAGS = 20_000
"""Start tags; its time grows with their square (20,000 in 10,000 lists: 9 s). Real pages of 7,000 are rare."""

_CONFIG = use_config()
_CONFIG.set("DEFAULT", "MIN_EXTRACTED_SIZE", MIN_EXTRACTED_CHARS)
_CONFIG.set("DEFAULT", "MIN_OUTPUT_SIZE", "1")
_CONFIG.set("DEFAULT", "MAX_FILE_SIZE", str(2**31))

logging.getLogger("trafilatura").setLevel(
    logging.CRITICAL
)  # what it could not extract comes back empty, and is counted


def trafilatura_text(html: str, precise: bool = False) -> str:
    """Extract the main content with its tables, without comments; "" if there is none.

    ``precise`` is trafilatura's favor_precision, with which FineWeb extracts: less of what surrounds the content. Its
    spaces and tabs are guarded for ``layout``: those that say nothing are gone.
    Raises HtmlLimitError for a page with more than MAX_TAGS.
    """
    check(html, MAX_TAGS)
    text = trafilatura.extract(
        html, config=_CONFIG, include_comments=False, include_tables=True, favor_precision=precise
    )
    return keep_spaces(text or "")
