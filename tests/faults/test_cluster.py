"""On a cluster of several nodes, and when one of them is lost: the same bytes as in one process."""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import TESTS, Write, carry_out, clean_environment, contents

pytestmark = pytest.mark.ray
STEPS: list[object] = [{"toy_steps:Digits": {}}, {"toy_steps:Slow": {"seconds": 0.3}}, {"toy_steps:SameLength": {}}]


@pytest.fixture
def authentication() -> dict[str, str]:
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@pytest.fixture
def cluster(authentication: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, TESTS / "faults/cluster.py"],
        env=clean_environment() | authentication,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process, wait_for(process, "address ")


def wait_for(process: subprocess.Popen[str], start: str) -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"the cluster ended without {start!r}")


def test_a_lost_node_costs_nothing_but_time(
    shards: Path,
    write_recipe: Write,
    tmp_path: Path,
    cluster: tuple[subprocess.Popen[str], str],
    authentication: dict[str, str],
) -> None:
    process, address = cluster
    recipe = write_recipe(STEPS)
    carry_out(recipe, shards, tmp_path / "inline")
    run = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", recipe, "--input", shards, "--output", tmp_path / "run",
         "--ray-address", address],
        env=clean_environment() | authentication,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    while not list((tmp_path / "run").glob("signals/*/.*.tmp")) and run.poll() is None:
        time.sleep(0.05)
    assert process.stdin
    process.stdin.write("lose\n")
    process.stdin.flush()
    wait_for(process, "lost")
    _, errors = run.communicate(timeout=200)
    assert run.returncode == 0, errors
    assert contents(tmp_path / "run") == contents(tmp_path / "inline")
