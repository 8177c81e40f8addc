"""Processes are killed for real, without warning, at random moments; the rerun's files equal those of a quiet run.

MIGAKI_KILLS sets how many kills of each kind are tried (`make test-kills` uses 10).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import carry_out, clean_environment, contents, migaki, write_shards, write_toy_recipe

KILLS = int(os.environ.get("MIGAKI_KILLS", "1"))
SHARDS = 8
STEPS: list[object] = [
    {"toy_steps:Digits": {}},
    {"toy_steps:Slow": {"seconds": 0.08}},
    {"toy_steps:Raises": {}},
    {"toy_steps:SameLength": {}},
    {"toy_steps:Dear": {}},
]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """Recipe, shards, and what an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("quiet")
    shards = write_shards(folder / "shards", SHARDS)
    recipe = write_toy_recipe(folder / "recipe.yaml", STEPS)
    carry_out(recipe, shards, folder / "run")
    return recipe, shards, contents(folder / "run")


def start(recipe: Path, shards: Path, out: Path, *options: str, tag: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", recipe, "--input", shards, "--output", out, *options],
        env=clean_environment() | {"MIGAKI_TEST_TAG": tag},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill a process; tells whether it was still at work."""
    time.sleep(seconds)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_inline_run_is_taken_up_where_it_was(
    quiet: tuple[Path, Path, dict[str, str]], tmp_path: Path, seed: int
) -> None:
    recipe, shards, expected = quiet
    out = tmp_path / "run"
    started_work = kill_after(start(recipe, shards, out, "--inline"), random.Random(seed).uniform(0.5, 5.0))
    carry_out(recipe, shards, out)
    assert contents(out) == expected
    assert started_work


@pytest.mark.ray
@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_driver_leaves_a_run_that_can_be_resumed(
    quiet: tuple[Path, Path, dict[str, str]], tmp_path: Path, seed: int
) -> None:
    recipe, shards, expected = quiet
    out = tmp_path / "run"
    kill_after(start(recipe, shards, out, "--workers", "2"), random.Random(seed).uniform(1.0, 9.0))
    migaki("run", recipe, "--input", shards, "--output", out, "--workers", "2")
    assert contents(out) == expected


@pytest.mark.ray
@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_worker_costs_nothing_but_time(
    quiet: tuple[Path, Path, dict[str, str]], tmp_path: Path, seed: int
) -> None:
    recipe, shards, expected = quiet
    out = tmp_path / "run"
    tag = f"{tmp_path.name}-{seed}"
    process = start(recipe, shards, out, "--workers", "2", tag=tag)
    chance = random.Random(seed)
    workers = wait_for_workers(process, tag)
    time.sleep(chance.uniform(0.0, 2.0))
    workers = tagged_workers(tag) or workers
    os.kill(chance.choice(workers), signal.SIGKILL)
    assert process.wait(timeout=120) == 0
    assert contents(out) == expected


def wait_for_workers(process: subprocess.Popen[bytes], tag: str) -> list[int]:
    while process.poll() is None:
        if workers := tagged_workers(tag):
            return workers
        time.sleep(0.05)
    raise AssertionError("the run ended before a worker was at work")


def tagged_workers(tag: str) -> list[int]:
    """Find Ray worker processes that are carrying out a task of this test's run."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if command.startswith(b"ray::_limited_work") and f"MIGAKI_TEST_TAG={tag}".encode() in environment:
            found.append(int(folder.name))
    return found


def test_ctrl_c_says_how_to_go_on(quiet: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> None:
    recipe, shards, expected = quiet
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", recipe, "--input", shards, "--output", out, "--inline"],
        env=clean_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while not list(out.glob("stats/*/*.json")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in message
    assert "Traceback" not in message
    carry_out(recipe, shards, out)
    assert contents(out) == expected
