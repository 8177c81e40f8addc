"""Files of a run folder appear whole or not at all, locally and on an object store."""

import hashlib
from pathlib import Path

import pytest

from pipeline.storage import Store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "run") if request.param == "local" else f"memory://{tmp_path.name}")


def test_what_is_written_is_read_back_with_its_hash(store: Store) -> None:
    published = store.write("a/b.bin", "磨き".encode())
    assert store.read("a/b.bin") == "磨き".encode()
    assert (published.bytes, published.sha256) == (6, hashlib.sha256("磨き".encode()).hexdigest())


def test_sizes_lists_files_of_a_folder_only(store: Store) -> None:
    store.write("a/one", b"1")
    store.write("a/deep/two", b"22")
    store.write("b/three", b"333")
    assert store.sizes("a") == {"a/deep/two": 2, "a/one": 1}
    assert store.sizes("nothing") == {}


def test_many_small_files_are_read_at_once(store: Store) -> None:
    for name in "xyz":
        store.write(f"many/{name}", name.encode())
    assert store.read_many(["many/z", "many/x"]) == {"many/z": b"z", "many/x": b"x"}
    assert store.read_many([]) == {}


def test_removing_a_missing_file_is_no_error(store: Store) -> None:
    store.write("a", b"")
    store.remove("a")
    store.remove("a")
    assert not store.exists("a")


def test_publishing_replaces_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("a", b"old")
    temporary = store.temporary("a")
    temporary.write_bytes(b"new")
    assert store.read("a") == b"old"
    store.publish(temporary, "a")
    assert store.read("a") == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_two_attempts_have_different_temporary_files(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert store.temporary("a") != store.temporary("a")
