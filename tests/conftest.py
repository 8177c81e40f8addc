"""Fixtures every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from toys import Write, write_shards, write_toy_recipe


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that start Ray, which takes all cores, in one of the processes that share the suite."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real Japanese data; tests that need it are skipped, saying so, where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MIGAKI_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set MIGAKI_DATA")
    return folder


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three JSONL shards with 100 documents each; every 10th has many digits, every 25th makes a step raise."""
    return write_shards(tmp_path / "shards", 3)


@pytest.fixture
def write_recipe(tmp_path: Path) -> Write:
    """Write a recipe with these steps; returns its path."""

    def write(steps: list[object] | None = None, **options: object) -> Path:
        return write_toy_recipe(tmp_path / "recipe.yaml", steps, **options)

    return write


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start an S3 server on loopback, named by the environment as users name theirs; gives the URI of a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    fsspec.filesystem("s3").mkdir(f"crawl-{port}")
    yield f"s3://crawl-{port}"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()
