"""A run is killed amid every phase of the MinHash barrier in turn; what comes of it equals a quiet run."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dedup.diaries import diary, replaced
from toys import carry_out, clean_environment, contents, migaki, rows, write_toy_recipe

DIARIES = 60
PHASES = ["keys", "pairs", "signatures", "estimates", "texts", "indices", "clusters", "facts", "election", "decisions"]
DEADLY = PHASES if "MIGAKI_KILLS" in os.environ else PHASES[2::4]
"""Phases amid which a process is killed; all of them in ``make test-kills``."""
STEPS: list[object] = [{"toy_steps:MortalMinHash": {"memory": 2**16, "doubtful": 0.3}}]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Recipe, shards, and an undisturbed run over them: every diary, a copy with some edits, and one with many."""
    folder = tmp_path_factory.mktemp("quiet")
    shards = folder / "shards"
    shards.mkdir()
    for number, share in enumerate((0.0, 0.005, 0.02)):
        texts = [{"id": f"{number}-{seed}", "text": replaced(diary(seed), share, seed)} for seed in range(DIARIES)]
        lines = [json.dumps(text, ensure_ascii=False) + "\n" for text in texts]
        (shards / f"{number}.jsonl").write_text("".join(lines), encoding="utf-8")
    recipe = write_toy_recipe(folder / "recipe.yaml", STEPS)
    carry_out(recipe, shards, folder / "run")
    return recipe, shards, folder / "run"


def noted(deaths: Path) -> Path:
    """Note in a folder that the phases that are not deadly have had their death."""
    deaths.mkdir()
    for phase in set(PHASES) - set(DEADLY):
        (deaths / phase).touch()
    return deaths


def test_the_quiet_run_has_work_for_every_phase(quiet: tuple[Path, Path, Path]) -> None:
    removed = rows(quiet[2], "duplicates/minhash")
    assert len([row for row in removed if row["kept_part"]]) > DIARIES


def test_a_run_killed_amid_every_phase_is_taken_up_where_it_was(quiet: tuple[Path, Path, Path], tmp_path: Path) -> None:
    recipe, shards, expected = quiet
    deaths = noted(tmp_path / "deaths")
    command = [sys.executable, "-m", "pipeline", "run", recipe, "--input", shards, "--output", tmp_path / "run"]
    environment = clean_environment() | {"MIGAKI_TEST_DEATHS": str(deaths)}
    endings = []
    while not endings or endings[-1] == -signal.SIGKILL:
        endings.append(
            subprocess.run([*command, "--inline"], env=environment, capture_output=True, check=False).returncode
        )
    assert sorted(path.name for path in deaths.iterdir()) == sorted(PHASES)
    assert endings == [-signal.SIGKILL] * len(DEADLY) + [0]
    assert contents(tmp_path / "run") == contents(expected)


@pytest.mark.ray
def test_workers_killed_amid_every_phase_cost_nothing_but_time(quiet: tuple[Path, Path, Path], tmp_path: Path) -> None:
    recipe, shards, expected = quiet
    deaths = noted(tmp_path / "deaths")
    out = tmp_path / "run"
    migaki("run", recipe, "--input", shards, "--output", out, "--workers", "2", MIGAKI_TEST_DEATHS=str(deaths))
    assert sorted(path.name for path in deaths.iterdir()) == sorted(PHASES)
    assert contents(out) == contents(expected)
