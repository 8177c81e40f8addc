import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.filters.kana_gate import KanaGate
from pipeline.stage import Interval

COLUMN = "kana_gate.kana_evidence"


def batch(*contents: bytes | None) -> pa.RecordBatch:
    return pa.record_batch({"content": pa.array(contents, pa.binary())})


def test_payloads_without_kana_leave_by_name_and_records_of_text_stay_without_a_signal():
    outcome = KanaGate().process(batch("<p>かなのあるページです。".encode("euc_jp"), b"<p>No kana here.", None, b""))
    assert {reason: mask.tolist() for reason, mask in outcome.drops.items()} == {
        "kana_evidence.min": [False, True, False, True]
    }
    assert outcome.columns[COLUMN].to_pylist() == [5, 0, None, 0]
    assert outcome.columns[COLUMN].type == pa.int32()


def test_the_bound_is_an_option():
    stage = KanaGate(kana_evidence=Interval(min=6))
    assert stage.process(batch("<p>かなのあるページです。".encode("euc_jp"))).drops["kana_evidence.min"].all()


def pages(shared_data, folders):
    for manifest in sorted(shared_data.glob(f"{folders}/manifest.jsonl")):
        for line in manifest.read_text("utf-8").splitlines():
            page = json.loads(line)
            yield page, (manifest.parent / page["file"]).read_bytes()


def dropped(contents: list[bytes]) -> np.ndarray:
    return KanaGate().process(batch(*contents)).drops["kana_evidence.min"]


@pytest.mark.data
def test_no_real_page_with_20_kana_is_missed(shared_data):
    found = [(page, content) for page, content in pages(shared_data, "a_html_*") if page["kana"] >= 20]
    lost = dropped([content for _, content in found])
    assert len(found) > 1000
    assert [page["file"] for (page, _), gone in zip(found, lost, strict=True) if gone] == []


@pytest.mark.data
def test_no_real_japanese_file_of_any_charset_is_missed(shared_data):
    found = [(page, content) for page, content in pages(shared_data, "g_langid_charsets") if page["lang"] == "ja"]
    lost = dropped([content for _, content in found])
    assert len(found) > 20
    assert [page["file"] for (page, _), gone in zip(found, lost, strict=True) if gone] == []


@pytest.mark.data
def test_english_pages_leave(shared_data):
    found = [content for page, content in pages(shared_data, "a_html_teraterm") if page["enc"] == "ascii"]
    assert len(found) > 50
    assert dropped(found).all()


@pytest.mark.data
def test_of_all_languages_of_the_universal_declaration_only_japanese_stays(shared_data):
    texts: dict[str, list[str]] = {}
    for line in (shared_data / "g_langid_udhr/udhr_lines.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        texts.setdefault(row["label"], []).append(row["text"])
    lost = dropped(["\n".join(lines).encode() for lines in texts.values()])
    assert [label for label, gone in zip(texts, lost, strict=True) if not gone] == ["jpn", "jpn_osaka", "jpn_tokyo"]
