"""The built-in sample through the default chain: every record meets the fate it was written for."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from toys import migaki, rows

from sample.make_sample import write

ROOT = Path(__file__).resolve().parents[2]
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Entry]]:
    """Run folder and manifest."""
    folder = tmp_path_factory.mktemp("sample")
    manifest: list[Entry] = write(folder / "shards")
    migaki(
        "run", ROOT / "configs/sample.yaml", "--input", folder / "shards", "--output", folder / "run", "--inline",
        "--set", "excluded=null", "--set", "audit=0.1",
    )  # fmt: skip
    return folder / "run", manifest


def fates(run: Path) -> dict[str, str]:
    """Id -> ``kept``, or the reason for which it left."""
    found = {row["id"]: row["reason"] for side in ("excluded", "quarantine") for row in rows(run, side)}
    return found | {row["id"]: "kept" for row in rows(run, "corpus")}


def test_the_ledger_accounts_for_every_record(sample: tuple[Path, list[Entry]]) -> None:
    run, manifest = sample
    ledger = json.loads((run / "stats/ledger.json").read_text())
    assert ledger["records"] == len(manifest)
    skipped = sum(entry["fate"] == "skipped" for entry in manifest)
    assert sum(ledger["steps"][0]["dropped"].values()) == skipped
    assert len(fates(run)) == len(manifest) - skipped


def test_every_document_meets_the_fate_it_was_written_for(sample: tuple[Path, list[Entry]]) -> None:
    run, manifest = sample
    found = fates(run)
    wrong = []
    for entry in manifest:
        if not entry["id"] or entry["cluster"] or entry["fate"] == "skipped":
            continue
        fate, _, stages = entry["fate"].partition(":")
        met = found[entry["id"]]
        meant = met == "kept" if fate == "kept" else met.split(".")[0] in (stages or "extract").split("|")
        if not meant:
            wrong.append((entry["purpose"], entry["fate"], met, entry["url"]))
    assert not wrong


def test_of_each_cluster_one_copy_stays(sample: tuple[Path, list[Entry]]) -> None:
    run, manifest = sample
    found = fates(run)
    clusters = defaultdict(list)
    for entry in manifest:
        if entry["cluster"]:
            clusters[entry["cluster"]].append(found[entry["id"]])
    assert len(clusters) >= 20
    for name, met in clusters.items():
        assert Counter(met) == {"kept": 1, "minhash.duplicate": len(met) - 1}, name


def test_every_step_drops_something_for_its_own_reason(sample: tuple[Path, list[Entry]]) -> None:
    ledger = json.loads((sample[0] / "stats/ledger.json").read_text())
    for step in ledger["steps"]:
        if step["name"] not in ("checkpoint", "compression", "words"):  # what they would find is found before
            assert step["dropped"] | step["failed"], step["name"]
            assert all(reason.startswith(step["name"] + ".") for reason in step["dropped"] | step["failed"])


def test_removed_duplicates_name_the_copy_that_stays(sample: tuple[Path, list[Entry]]) -> None:
    run, _ = sample
    kept = {row["id"]: row for row in rows(run, "corpus")}
    removed = [row for row in rows(run, "duplicates/minhash") if row["kept_part"]]
    assert removed
    for row in removed:
        assert row["cluster_id"] in kept
        assert kept[row["cluster_id"]]["minhash_cluster_size"] == row["cluster_size"]
        assert row["similarity"] > 0.6


def test_damaged_records_are_quarantined_with_their_place(sample: tuple[Path, list[Entry]]) -> None:
    run, manifest = sample
    damaged = [entry for entry in manifest if entry["fate"].startswith("quarantined")]
    quarantine = rows(run, "quarantine")
    assert len(quarantine) == len(damaged)
    places = {(Path(row["file_path"]).name, row["position"]) for row in quarantine}
    unreadable = {(entry["file"], entry["position"]) for entry in damaged if not entry["id"]}
    assert unreadable <= places
    assert all(row["error"] and (row["content"] or row["text"]) for row in quarantine)


def test_the_corpus_loads_everywhere(sample: tuple[Path, list[Entry]], tmp_path: Path) -> None:
    corpus = sample[0] / "corpus"
    count = json.loads((corpus / "manifest.json").read_text())["rows"]
    files = str(corpus / "*.parquet")
    loaded = load_dataset(str(corpus), split="train", cache_dir=str(tmp_path))
    assert len(loaded) == count
    assert loaded.column_names[:6] == ["text", "id", "dump", "url", "date", "file_path"]
    assert {"language", "language_score", "language_script", "minhash_cluster_size"} <= set(loaded.column_names)
    frames = [pd.read_parquet(path) for path in sorted(corpus.glob("*.parquet"))]
    assert (pd.concat(frames)["language"] == "ja").sum() == count
    assert pl.read_parquet(files).height == count
    query = f"SELECT count(*), count(DISTINCT id) FROM '{files}' WHERE language_script = 'Jpan'"
    assert duckdb.sql(query).fetchall() == [(count, count)]


def test_signals_of_all_passes_unite(sample: tuple[Path, list[Entry]]) -> None:
    run, _ = sample
    query = f"""SELECT reason IS NULL AS kept, count(*), min("length.japanese_letters")
                FROM read_parquet('{run}/signals/*/*.parquet', union_by_name=true) GROUP BY kept ORDER BY kept"""
    dropped, kept = duckdb.sql(query).fetchall()
    assert kept[1] == len(rows(run, "corpus"))
    assert kept[2] >= 200 > dropped[2]


def test_parquet_is_zstd_in_every_column(sample: tuple[Path, list[Entry]]) -> None:
    for path in sample[0].rglob("*.parquet"):
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            columns = [metadata.row_group(group).column(index) for index in range(metadata.num_columns)]
            assert {column.compression for column in columns} == {"ZSTD"}
