"""``migaki index`` and ``migaki similar``: help with examples, answers for people and programs, errors in one line."""

import json
from pathlib import Path

import pytest
from dedup.crawls import run, shard
from dedup.diaries import diary
from toys import called, migaki


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, ``first`` and ``second``, and an index of the first, with a page to ask for."""
    folder = tmp_path_factory.mktemp("indexes")
    documents = [("a", diary(1)), ("b", diary(1) + "了"), ("c", diary(2))]
    shard(folder / "CC-MAIN-2021-04/0.jsonl", documents, "2021-01-20")
    shard(folder / "CC-MAIN-2022-05/0.jsonl", [("d", diary(3))], "2022-01-20")
    run(folder / "first", folder / "CC-MAIN-2021-04")
    run(folder / "second", folder / "CC-MAIN-2022-05")
    run(folder / "third", folder / "CC-MAIN-2022-05", ngram=5)
    migaki("index", "build", folder / "index", folder / "first")
    (folder / "page.txt").write_text(diary(1), encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", ["build", "add", "info", "query"])
def test_each_command_of_an_index_shows_an_example(command: str) -> None:
    assert f"migaki index {command}" in called("index", command, "--help").stdout


def test_similar_shows_an_example() -> None:
    assert "migaki similar" in called("similar", "--help").stdout
    assert "similar" in called("--help").stdout
    assert "query" in called("index", "--help").stdout


def test_info_shows_what_an_index_holds(folder: Path) -> None:
    shown = called("index", "info", folder / "index").stdout
    assert "0001-first" in shown
    assert "CC-MAIN-2021-04" in shown
    assert "3 documents; shingle char, ngram 8, signature migaki, permutations 112, bands 14, rows 8" in shown
    of = json.loads(called("index", "info", folder / "index", "--json").stdout)
    assert of["documents"] == 3
    assert of["additions"][0]["kept"] == 2


def test_add_says_what_came_in_and_a_second_time_that_it_is_there(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    built = called("index", "build", index, folder / "first")
    assert built.stdout == f"0001-first: 3 documents of {folder}/first are in {index} now\n"
    added = called("index", "add", index, folder / "second")
    assert added.stdout == f"0002-second: 1 documents of {folder}/second are in {index} now\n"
    again = called("index", "add", index, folder / "second", check=False)
    assert again.exit_code == 2
    assert "holds this run already, by addition 0002-second" in again.stderr


def test_what_is_similar_is_shown_with_its_fate(folder: Path) -> None:
    shown = called("similar", folder / "first", folder / "page.txt").stdout.splitlines()
    assert shown[0].startswith("1.000  a  kept  https://example.jp/a  (0-")
    assert "  b  duplicate of a  https://example.jp/b  (0-" in shown[1]
    of_index = called("index", "query", folder / "index", folder / "page.txt", "--top", 1).stdout.splitlines()
    assert len(of_index) == 1
    assert of_index[0].startswith("1.000  a  kept  (index/0001-first/part-0-")
    answer = json.loads(called("similar", folder / "first", diary(2), "--json").stdout)
    assert [(near["id"], near["similarity"], near["kept_id"]) for near in answer] == [("c", 1.0, None)]
    assert (
        "No document is similar to 0.9 or more; --threshold asks for less"
        in called("index", "query", folder / "index", "人知れず咲く山桜の下で", "--threshold", 0.9).stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("index", "info", "{0}/first"), "not an index (no index.json); `migaki index build` makes one"),
        (("index", "query", "{0}/nothing", "本日"), "not an index"),
        (("index", "build", "{0}/first", "{0}/second"), "not empty and not an index"),
        (("index", "build", "{0}/new", "{0}/CC-MAIN-2021-04"), "not a run folder"),
        (("index", "add", "{0}/index", "{0}/third"), "ngram 8 in the index and 5 in the run"),
        (("index", "info", "foo://x"), "foo"),
        (("similar", "{0}/index", "本日"), "not a run folder"),
        (("similar", "{0}/first", "。"), "no letter or digit"),
        (("index", "query", "{0}/index", "。"), "no letter or digit"),
    ],
)
def test_a_mistake_is_explained_in_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = called(*(part.format(folder) for part in arguments), check=False)
    assert done.exit_code == 2, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in error
    assert "Traceback" not in done.stderr
    assert not (folder / "new").exists()


def test_a_run_against_what_is_no_index_is_refused_before_it_starts(folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps({"name": "crawl", "steps": [{"minhash": {"against": [str(folder / "nothing")]}}]}))
    command = ("run", recipe, "--input", folder / "CC-MAIN-2022-05", "--output", tmp_path / "run", "--inline")
    done = called(*command, check=False)
    assert (done.exit_code, "not an index" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "run/passes").exists()
