"""That benchmarks measure what they say, on tiny input; their figures are no concern of the tests."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from benchmarks import filters
from benchmarks.chains import Chain, text_chain
from benchmarks.documents import Documents, documents, sample
from benchmarks.kernels import kernels
from benchmarks.peers import DATASKETCH, DATATROVE, HOJICHAR, HOJICHAR_CHARACTERS, NGRAM, RENSA, Peer, ngrams, shingles
from benchmarks.results import Row, commit, show, write
from benchmarks.timing import TURNS, speeds
from pipeline.catalog import STEPS, step_class
from pipeline.stage import Cost, Filter
from pipeline.text.chars import count_chars, japanese_letters

SENTENCES = (
    "朝の市場では、漁師たちが獲れたばかりの魚を並べていた。",
    "祖父は縁側で将棋を指しながら、庭の柿の木を眺めるのが好きだった。",
    "雨が上がると、子どもたちは長靴のまま水たまりへ走っていった。",
    "図書館の古い時計は、毎日きっかり三分だけ遅れて鳴る。",
    "駅前の喫茶店で、彼女は三年ぶりに友人からの手紙を開いた。",
    "新しい橋が架かってから、川向こうの町へ行く人が増えたという。",
    "味噌汁の湯気の向こうで、母が今日の天気の話をしている。",
    "山小屋の主人は、明日は風が強くなると静かに言った。",
    "裏の畑では、霜が降りる前に大根を抜かなければならない。",
    "港を出た船は、やがて霧の中に見えなくなってしまった。",
)
PROSE = "\n".join(SENTENCES)
BACKWARDS = "\n".join(reversed(SENTENCES))
LIST = "\n".join(f"・{name}の値段はこちら" for name in "赤青黄白黒緑紫茶金銀" * 5)


@pytest.fixture(scope="module")
def tiny() -> Documents:
    return documents(
        [{"id": "prose", "text": PROSE}, {"id": "list", "text": LIST}, {"id": "backwards", "text": BACKWARDS}]
    )


@pytest.fixture
def report() -> filters.Report:
    return filters.Report(Console(file=io.StringIO()))


@pytest.fixture
def chain_of(tmp_path: Path) -> Callable[..., Chain]:
    def make(*steps: Any, audit: float = 0.0) -> Chain:
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(json.dumps({"name": "tiny", "audit": audit, "steps": list(steps)}))
        return text_chain(str(recipe))

    return make


@pytest.mark.parametrize(("peer", "ratio"), [(4.0, 2.5), (None, None)])
def test_ratio_is_ours_over_the_peers(peer: float | None, ratio: float | None) -> None:
    assert Row("work", 10.0, peer, "MB/s").ratio == ratio


def test_figures_are_written_with_what_they_depend_on(tmp_path: Path) -> None:
    path = tmp_path / "new" / "work.json"
    write(
        path, [Row("work", 12.34567, 3.0, "MB/s"), Row("alone", 1.0, None, "share")], ["numpy", "no-such"], ["a note"]
    )
    content = json.loads(path.read_text("utf-8"))
    assert list(content) == ["commit", "machine", "versions", "notes", "rows"]
    assert content["rows"] == [
        {"name": "work", "ours": 12.35, "peer": 3.0, "unit": "MB/s", "ratio": 4.115},
        {"name": "alone", "ours": 1.0, "peer": None, "unit": "share", "ratio": None},
    ]
    assert content["versions"]["numpy"] == np.__version__
    assert content["versions"]["no-such"] is None
    assert set(content["machine"]) == {"cpu", "cores", "system"}
    assert content["notes"] == ["a note"]


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, [Row("work", 1.5, 3.0, "MB/s")], ["numpy"])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_commit_is_a_hash_that_says_whether_the_code_differs() -> None:
    found = commit()
    assert found is None or re.fullmatch("[0-9a-f]{40}(-modified)?", found)


def test_table_leaves_out_the_ratio_where_there_is_no_peer() -> None:
    printed = io.StringIO()
    show("Chains", [Row("both", 200.0, 2.0, "MB/s"), Row("alone", 3.0, None, "MB/s")], Console(file=printed, width=100))
    both, alone = (next(line for line in printed.getvalue().splitlines() if name in line) for name in ("both", "alone"))
    assert "100x" in both
    assert "x" not in alone


def test_jobs_take_turns() -> None:
    calls: list[str] = []
    measured = speeds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 1000)
    assert calls == ["a", "b"] * TURNS
    assert all(speed > 0 for speed in measured.values())


def test_documents_are_extracted_and_short_ones_left_out() -> None:
    page = f"<html><body><p>{PROSE}</p></body></html>".encode("cp932")
    rows = [
        {"id": "page", "url": "https://例え.example/", "content": page, "content_type": "text/html"},
        {"id": "image", "content": b"\x89PNG", "content_type": "image/png"},
        {"id": "text", "text": PROSE},
        {"id": "short", "text": SENTENCES[0]},
    ]
    found = documents(rows)
    assert found.records["id"].to_pylist() == ["page", "text"]
    assert SENTENCES[0] in found.texts[0].as_py()
    assert found.records["host"].to_pylist() == ["xn--r8jz45g.example", None]


def test_first_documents_fit_the_size_but_are_never_none(tiny: Documents) -> None:
    size = len(PROSE.encode()) + len(LIST.encode())
    assert [tiny.first(limit).records.num_rows for limit in (0, size - 1, size, tiny.size)] == [1, 1, 2, 3]


def test_chain_takes_the_steps_that_see_text() -> None:
    names = [stage.name() for stage in text_chain("ja_web").stages]
    assert names[:2] == ["mojibake", "boilerplate"]
    assert not {"url", "kana_gate", "extract", "checkpoint", "quality", "toxicity", "minhash"} & set(names)


def test_chain_drops_what_the_recipe_drops(chain_of: Callable[..., Chain], tiny: Documents) -> None:
    assert chain_of("length", "lines").run(tiny).kept.tolist() == [True, False, True]


def test_variants_differ_in_what_they_segment(chain_of: Callable[..., Chain], tiny: Documents) -> None:
    chain = chain_of("lines", "gopher_quality")
    living = chain.segmenting_all().run(tiny)
    assert living.segmented.tolist() == living.kept.tolist() == [True, False, True]
    assert not (chain.run(tiny).segmented & ~living.segmented).any()
    assert not chain.characters_only().run(tiny).segmented.any()
    assert [made.name for made in filters.variants([chain])] == [
        "tiny, all segmented",
        "tiny",
        "tiny, characters only",
    ]


def test_audited_documents_are_segmented_too(chain_of: Callable[..., Chain], tiny: Documents) -> None:
    assert chain_of("lines", "gopher_quality", audit=1.0).run(tiny).segmented.all()


def test_step_that_fails_on_a_document_ends_the_benchmark(chain_of: Callable[..., Chain], tiny: Documents) -> None:
    broken = tiny.records.set_column(
        tiny.records.schema.get_field_index("text"),
        "text",
        pa.array([PROSE.encode(), b"\xe3\x81", PROSE.encode()]).view(pa.string()),
    )
    with pytest.raises(RuntimeError, match="gopher_quality"):
        chain_of({"gopher_quality": {"segment": "all"}}).run(Documents(broken))


def test_share_of_segmented_documents_and_bytes(chain_of: Callable[..., Chain], tiny: Documents) -> None:
    rows = list(filters.segmented_rows(chain_of("lines", "gopher_quality").segmenting_all(), tiny))
    sizes = [len(PROSE.encode()), len(LIST.encode()), len(BACKWARDS.encode())]
    assert [row.unit for row in rows] == ["share", "share"]
    assert [row.ours for row in rows] == pytest.approx([2 / 3, (sizes[0] + sizes[2]) / sum(sizes)])


def test_missing_peer_is_noted_and_has_no_figure(tiny: Documents, report: filters.Report) -> None:
    missing = Peer("gone", ("no_such_module",), lambda: list, 1)
    (row,) = filters.versus(missing, {"ours": lambda of: of.size}, tiny, report)
    assert (row.name, row.peer, row.ratio) == ("ours / gone", None, None)
    assert report.notes == ["gone is not measured, since no_such_module is not installed"]


def test_peer_works_on_the_same_documents(tiny: Documents, report: filters.Report) -> None:
    seen: list[tuple[int, list[str]]] = []
    limit = len(PROSE.encode()) / 1e6
    peer = Peer("peer", (), lambda: lambda texts: seen.append((0, texts)), limit)
    (row,) = filters.versus(peer, {"ours": lambda of: seen.append((1, of.texts.to_pylist()))}, tiny, report)
    assert seen == [(1, [PROSE]), (0, [PROSE])] * TURNS
    assert row.ratio is not None


@pytest.mark.parametrize(
    "peer", [DATASKETCH, DATATROVE, HOJICHAR, HOJICHAR_CHARACTERS, RENSA], ids=lambda peer: peer.name
)
@pytest.mark.filterwarnings("ignore")  # what peers warn of is theirs
def test_peers_run(peer: Peer, tiny: Documents) -> None:
    if peer.missing:
        pytest.skip(f"not installed: {', '.join(peer.missing)}")
    peer.prepare()(peer.given(tiny.texts.to_pylist()))


def test_peers_are_given_the_character_ngrams_of_a_text() -> None:
    assert ngrams("あ" * NGRAM + "い") == ["あ" * NGRAM, "あ" * (NGRAM - 1) + "い"]
    assert shingles("あ" * (NGRAM + 1)) == [("あ" * NGRAM).encode()]
    assert ngrams("短い") == ["短い"]


def test_every_kernel_is_found_and_runs(tiny: Documents, report: filters.Report) -> None:
    names = {row.name for row in filters.kernel_rows(tiny, report)}
    assert {
        "text.chars.count_chars",
        "text.lines.count_lines",
        "text.minhash.signatures",
        "text.words.segment",
    } <= names
    unmeasured = {kernel.name for kernel in kernels()} - names
    assert all(any(note.startswith(f"{name} ") for note in report.notes) for name in unmeasured)


def test_every_filter_over_text_is_measured_alone(tiny: Documents, report: filters.Report) -> None:
    names = {row.name for row in filters.step_rows(tiny, report)}
    classes = [step_class(name) for name in STEPS]
    alone = {cls.step_name() for cls in classes if issubclass(cls, Filter) and cls.cost in (Cost.CHARS, Cost.MODEL)}
    noted = {note.partition(" ")[0] for note in report.notes}
    assert alone <= names | noted
    assert {"lines", "mojibake", "length", "compression", "gopher_quality, words given"} <= names


def test_order_is_random_and_always_the_same(tiny: Documents) -> None:
    many = Documents(pa.concat_batches([tiny.records] * 20))
    order = [made.records["id"].to_pylist() for made in (many, many.shuffled(), many.shuffled())]
    assert order[0] != order[1] == order[2]
    assert sorted(order[0]) == sorted(order[1])


@pytest.mark.data
def test_sample_of_the_real_data_is_japanese(shared_data: Path) -> None:
    found = sample(shared_data, 300_000)
    assert 150_000 < found.size <= 300_000
    assert (japanese_letters(count_chars(found.texts)) >= 200).all()
