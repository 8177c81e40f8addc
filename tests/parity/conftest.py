"""Real documents for the tests against peers."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from parity.datatrove_peer import with_words

from pipeline.modifiers.extract import Extract
from pipeline.schema import RECORD

TEXTS = {
    "c_text_livedoor_news/livedoor.jsonl": 200,
    "c_text_blog_danmaq/danmaq_blog.jsonl": 150,
    "c_text_jsquad/jsquad_contexts.jsonl": 100,
    "c_text_open2ch/open2ch_threads.jsonl": 100,
    "c_text_fkc_complaints/fkc.jsonl": 50,
    "c_text_aozora/aozora_sample.jsonl": 30,
    "c_text_vimdoc/vimdoc_ja.jsonl": 9,
    "e_quality_spam_casino/casinotsu.jsonl": 50,
    "d_tox_adult_listings/adult_listings.jsonl": 22,
    "g_langid_cld2/cld2_unittest.jsonl": 40,
}
PAGES = {"a_html_netbsdjp": 100, "a_html_debian_docs": 70, "a_html_krkr": 60, "a_html_egov_law": 40}
LONGEST = 6_000


@pytest.fixture(scope="session")
def documents(shared_data: Path) -> pa.RecordBatch:
    """About 1,000 texts of several kinds, cut at 6,000 characters, with their words."""
    texts = [text for file, count in TEXTS.items() for text in _texts(shared_data / file, count)]
    texts += [text for folder, count in PAGES.items() for text in _extracted(shared_data / folder, count)]
    return with_words([text[:LONGEST] for text in texts])


def _texts(file: Path, count: int) -> list[str]:
    lines = file.read_text("utf-8").splitlines()[:count]
    return [json.loads(line)["text"] for line in lines]


def _extracted(folder: Path, count: int) -> list[str]:
    pages = [path.read_bytes() for path in sorted((folder / "pages").rglob("*")) if path.is_file()][:count]
    rows = [{"content": page, "content_type": "text/html"} for page in pages]
    texts = Extract().process(pa.RecordBatch.from_pylist(rows, RECORD)).columns["text"]
    return [text for text in texts.to_pylist() if text]
