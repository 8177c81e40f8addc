"""A document that is spared the tagger must be one that the words would not have dropped."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import STEPS, step_class
from pipeline.filters.gopher_quality import GopherQuality
from pipeline.filters.word_filter import WordFilter
from pipeline.stage import Interval, Mask
from pipeline.text.chars import CHAR_COUNTS, as_column, count_chars

PROSE = "祖母は籠を持って、川べりの道を歩いた。春の風が吹き、つくしが顔を出していた。子どもたちは歌を歌いながら帰った。"
LETTER = "先日は港の市場を案内していただき、ありがとうございました。買った干物はたいへん美味しく、家族も喜びました。"
HISTORY = "この橋は百年前に架けられ、二度の洪水に耐えた。設計したのは隣町の大工で、図面は今も役場に残る。"
TALE = "山の村に古い時計屋があった。主人は毎朝、店の前を掃く。客は少ないが、直した時計は何年も止まらないと評判だった。"
FILTERS = [cls for cls in map(step_class, STEPS) if issubclass(cls, WordFilter) and cls.proven]
PIECES = st.sampled_from(
    [PROSE, TALE, PROSE[:9], "ああ", "です。", "x", "12", "#", "…", "-\n", "\n", "\n\n", "　", " ", "、・", "🏽"]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def documents(texts: list[str]) -> pa.RecordBatch:
    column = pa.array(texts, pa.string())
    schema = pa.schema([("text", pa.string()), CHAR_COUNTS])
    return pa.RecordBatch.from_arrays([column, as_column(count_chars(column))], schema=schema)


def dropped(stage: WordFilter, batch: pa.RecordBatch) -> Mask:
    return np.logical_or.reduce([np.zeros(batch.num_rows, np.bool_), *stage.process(batch).drops.values()])


@pytest.mark.parametrize("cls", FILTERS, ids=lambda cls: cls.step_name())
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_no_spared_document_would_have_been_dropped(cls: type[WordFilter], texts: list[str]) -> None:
    batch = documents(texts)
    assert not (dropped(cls(), batch) & ~cls().needed(batch)).any()


@pytest.mark.parametrize("cls", FILTERS, ids=lambda cls: cls.step_name())
def test_plain_prose_is_spared_and_doubtful_texts_are_not(cls: type[WordFilter]) -> None:
    batch = documents(["\n".join([PROSE, TALE, LETTER, HISTORY]), "", "!\n" * 300, PROSE + "\n" * 60, PROSE * 40])
    needed = cls().needed(batch)
    assert not needed[0]
    assert needed[1:][dropped(cls(), batch)[1:]].all()
    assert needed.any()


def test_all_documents_are_segmented_on_request_or_where_a_bound_has_no_proof() -> None:
    batch = documents([PROSE + TALE])
    assert not GopherQuality().needed(batch).any()
    assert GopherQuality(segment="all").needed(batch).all()
    assert GopherQuality(hash_ratio=Interval(min=0, max=0.1)).needed(batch).all()
    assert GopherQuality(mean_word_length=Interval(min=1.2)).needed(batch).all()
    assert GopherQuality(alpha_words=Interval(min=1.5)).needed(batch).all()
    assert GopherQuality(hash_ratio=Interval(max=-0.1)).needed(batch).all()
    assert GopherQuality(words=Interval(min=float("inf"))).needed(batch).all()


def test_bytes_that_are_no_utf8_are_left_to_the_tagger() -> None:
    broken = pa.array([(PROSE + TALE).encode() + b"\xff"]).cast(pa.binary()).view(pa.string())
    batch = pa.RecordBatch.from_arrays(
        [broken, as_column(count_chars(broken))], schema=pa.schema([("text", pa.string()), CHAR_COUNTS])
    )
    assert GopherQuality().needed(batch).all()


@pytest.mark.data
@pytest.mark.parametrize("cls", FILTERS, ids=lambda cls: cls.step_name())
def test_real_documents_get_the_same_verdict(cls: type[WordFilter], shared_data: Path) -> None:
    texts = []
    for source in ("c_text_livedoor_news/livedoor", "c_text_blog_danmaq/danmaq_blog", "c_text_jsquad/jsquad_contexts"):
        with (shared_data / f"{source}.jsonl").open(encoding="utf-8") as lines:
            texts += [json.loads(line)["text"][:4000] for line, _ in zip(lines, range(120), strict=False)]
    batch = documents(texts)
    needed = cls().needed(batch)
    assert not (dropped(cls(), batch) & ~needed).any()
    assert (~needed).mean() > 0.3
