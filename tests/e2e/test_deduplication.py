"""Deduplication in whole runs: what the report warns of, and what the run folder tells."""

import json
from pathlib import Path

from dedup.diaries import diary
from toys import called, carry_out, rows, write_toy_recipe


def write(path: Path, records: list[tuple[str, str, str]]) -> None:
    lines = [json.dumps({"id": name, "url": url, "text": text}, ensure_ascii=False) for name, url, text in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def shards(folder: Path) -> Path:
    """Two hosts: one writes, the other copies three of four texts and brings one page twice."""
    folder.mkdir()
    own = [(f"own-{seed}", f"https://own.example/{seed}", diary(seed)) for seed in range(4)]
    copied = [(f"copy-{seed}", f"https://copy.example/{seed}", diary(seed) + "了") for seed in range(1, 5)]
    again = [("again-4", "https://copy.example/4?utm_source=mail#top", diary(4) + "了")]
    write(folder / "0.jsonl", own)
    write(folder / "1.jsonl", copied)
    write(folder / "2.jsonl", again)
    return folder


def test_steps_share_the_work_and_a_source_that_lost_too_much_is_reported(tmp_path: Path) -> None:
    steps: list[object] = ["exact_url", "exact_text", {"minhash": {"keep": ["id"], "source": "host", "alarm": 0.5}}]
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", steps)
    carry_out(recipe, shards(tmp_path / "shards"), tmp_path / "run")
    reasons = {row["id"]: row["reason"] for row in rows(tmp_path / "run", "signals")}
    gone = {"own-1": "minhash", "own-2": "minhash", "own-3": "minhash", "copy-4": "exact_url"}
    assert {name: reason for name, reason in reasons.items() if reason} == {
        name: f"{step}.duplicate" for name, step in gone.items()
    }
    (alarm,) = json.loads(called("report", tmp_path / "run", "--json").stdout)["alarms"]
    assert (alarm["step"], alarm["source"], alarm["removed"], alarm["documents"]) == ("minhash", "own.example", 3, 4)
    assert (
        "alarm: minhash removed 3 of 4 documents (75.0%) of source own.example"
        in called("report", tmp_path / "run").stdout
    )
    assert "own.example" in called("report", tmp_path / "run", "--json").stdout


def test_a_run_without_duplicates_keeps_everything(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(2):
        write(folder / f"{shard}.jsonl", [(f"{shard}", "", diary(shard))])
    recipe = write_toy_recipe(tmp_path / "recipe.yaml", ["exact_url", "exact_text", "minhash"])
    carry_out(recipe, folder, tmp_path / "run")
    corpus = rows(tmp_path / "run", "corpus")
    assert [(row["id"], row["minhash_cluster_id"], row["minhash_cluster_size"]) for row in corpus] == [
        ("0", None, 1),
        ("1", None, 1),
    ]
