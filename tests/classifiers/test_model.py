"""Model folders: whole or not at all, refused when anything in them changed, and scores as calibrated."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers import model
from classifiers.backends.fasttext_backend import FastText
from classifiers.errors import ClassifierError
from classifiers.model import Model
from classifiers.ordinal import Calibration

TEXTS = pa.array(["水は百度で沸騰する。気圧が低いと沸点は下がる。", "今だけ！激安セール開催中♪送料無料"] * 10)
TARGETS = np.tile(np.array([[4, 0], [1, 1]], np.float32), (10, 1))
SMALL = {"buckets": 1000, "dimensions": 4, "epochs": 10, "least": 1}
STEPS = Calibration(1.0, (0.0, -1.0, -2.0, -3.0, -4.0))
ORDINAL = {
    "name": "made_here",
    "version": 1,
    "description": "",
    "kind": "ordinal",
    "heads": ["score"],
    "levels": 5,
    "backend": "fasttext",
    "config": {},
    "noncommercial": False,
    "labels": {},
    "code": "0" * 64,
    "libraries": {},
    "calibration": {"score": STEPS.to_json()},
    "cuts": {"score": 2.5},
    "metrics": {},
}
BINARY = ORDINAL | {
    "kind": "binary",
    "heads": ["toxic", "sexual"],
    "levels": 1,
    "calibration": {"toxic": {"slope": 2.0, "intercepts": [-1.0]}, "sexual": {"slope": 1.0, "intercepts": [0.5]}},
}


def write(to: Path, about: dict[str, Any]) -> Model:
    backend = FastText.fit(TEXTS, TARGETS[:, : len(about["heads"])], np.ones(len(TEXTS)), SMALL)
    with model.new_folder(to) as folder:
        (folder / model.WEIGHTS).mkdir()
        backend.save(folder / model.WEIGHTS)
        np.save(folder / model.TRAINED_ON, np.array([3, 5], np.uint64))
        (folder / "README.md").write_text("# 見本\n", encoding="utf-8")
        model.seal(folder, about)
    return model.load(to)


@pytest.fixture
def made(tmp_path: Path) -> Model:
    return write(tmp_path / "made", ORDINAL)


def amend(made: Model, **changes: object) -> None:
    file = made.folder / model.ABOUT
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_an_ordinal_model_predicts_the_expected_level_and_each_level(made: Model) -> None:
    found = made.predict(TEXTS[:2])
    assert tuple(found) == made.columns == ("score", *(f"at_least_{level}" for level in range(1, 6)))
    levels = np.stack([found[f"at_least_{level}"] for level in range(1, 6)])
    assert {scores.dtype for scores in found.values()} == {np.dtype(np.float32)}
    assert np.all(np.diff(levels, axis=0) < 0)
    np.testing.assert_allclose(found["score"], levels.sum(axis=0), rtol=1e-6)
    assert found["score"][0] > found["score"][1]


def test_a_binary_model_predicts_a_probability_for_each_head(tmp_path: Path) -> None:
    made = write(tmp_path / "binary", BINARY)
    found = made.predict(TEXTS[:2])
    assert tuple(found) == made.columns == made.heads == ("toxic", "sexual")
    raw = FastText.load(made.folder / model.WEIGHTS).raw(TEXTS[:2])
    np.testing.assert_allclose(found["toxic"], 1 / (1 + np.exp(1 - 2 * raw[:, 0])), rtol=1e-6)
    np.testing.assert_allclose(found["sexual"], 1 / (1 + np.exp(-0.5 - raw[:, 1])), rtol=1e-6)


def test_a_null_is_scored_as_the_empty_text_and_nothing_as_nothing(made: Model) -> None:
    null, empty = (made.predict(pa.array([text], pa.string()))["score"] for text in (None, ""))
    assert null == empty
    assert {len(scores) for scores in made.predict(pa.array([], pa.string())).values()} == {0}


def test_the_hash_covers_every_file(made: Model, tmp_path: Path) -> None:
    files = {file.relative_to(made.folder).as_posix() for file in made.folder.rglob("*") if file.is_file()}
    assert set(made.about.files) == files - {model.ABOUT}
    assert made.hash == hashlib.sha256((made.folder / model.ABOUT).read_bytes()).hexdigest()
    assert write(tmp_path / "again", ORDINAL).hash == made.hash
    assert write(tmp_path / "other", ORDINAL | {"version": 2}).hash != made.hash


@pytest.mark.parametrize("file", ["weights/fasttext-0.bin", "weights/fasttext.json", "trained_on.npy", "README.md"])
def test_a_changed_or_missing_file_is_refused_by_name(made: Model, file: str) -> None:
    content = (made.folder / file).read_bytes()
    (made.folder / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ClassifierError, match=f"{file}: changed after training"):
        model.load(made.folder)
    (made.folder / file).unlink()
    with pytest.raises(ClassifierError, match=f"{file}: a model needs this file"):
        model.load(made.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": 0}, "features of version 0, this release has .* train it again"),
        ({"backend": "lineal"}, "no backend `lineal`; did you mean `linear`"),
        ({"format": 99}, "not a model of format 1"),
        ({"kind": "nominal"}, "option `kind`"),
        ({"unheard": 1}, "unknown option `unheard`"),
        ({"calibration": {}}, "head 'score': not a calibration"),
        ({"levels": 4}, "head 'score': 4 levels need as many intercepts"),
        ({"files": {"../made/README.md": "0" * 64}}, "is not inside the folder"),
    ],
)
def test_a_model_that_this_release_cannot_serve_is_refused(
    made: Model, changes: dict[str, object], message: str
) -> None:
    amend(made, **changes)
    with pytest.raises(ClassifierError, match=message):
        model.load(made.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_model_json_that_is_none_is_refused(made: Model, content: bytes) -> None:
    (made.folder / model.ABOUT).write_bytes(content)
    with pytest.raises(ClassifierError, match=r"model\.json: not"):
        model.load(made.folder)


def test_a_pickle_among_the_arrays_is_never_opened(made: Model) -> None:
    class Opened:
        def __reduce__(self) -> tuple[Any, ...]:
            return pytest.fail, ("unpickled",)

    content = pickle.dumps(np.array([Opened()], object))
    (made.folder / model.TRAINED_ON).write_bytes(content)
    files = dict(made.about.files) | {model.TRAINED_ON: hashlib.sha256(content).hexdigest()}
    amend(made, files=files)
    with pytest.raises(ClassifierError, match="not an array of fingerprints"):
        _ = model.load(made.folder).trained_on


def test_a_shipped_model_is_found_by_its_name_only_if_it_is_spelt_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "SHIPPED", tmp_path / "models")
    write(tmp_path / "models" / "quality_ja", ORDINAL)
    assert model.load("quality_ja").name == "made_here"
    with pytest.raises(ClassifierError, match="no shipped model; did you mean `quality_ja`"):
        model.load("qualty_ja")
    with pytest.raises(ClassifierError, match=r"no model folder: it has no model\.json"):
        model.load(tmp_path / "models")


def test_a_failed_training_leaves_nothing_and_the_older_model_in_place(made: Model) -> None:
    def fail() -> None:
        with model.new_folder(made.folder) as folder:
            (folder / "half").write_text("")
            raise ClassifierError("the labels ran out")

    with pytest.raises(ClassifierError, match="the labels ran out"):
        fail()
    assert model.load(made.folder).hash == made.hash
    assert [file.name for file in made.folder.parent.iterdir()] == ["made"]


def test_a_killed_training_leaves_no_half_model(tmp_path: Path) -> None:
    program = """
        import os, signal, sys
        from pathlib import Path
        from classifiers.model import new_folder
        with new_folder(Path(sys.argv[1])) as folder:
            (folder / "model.json").write_text("{}")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "killed")]
    environment = os.environ | {"PYTHONPATH": str(Path(model.__file__).parents[1])}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    assert write(tmp_path / "killed", ORDINAL).name == "made_here"


def test_training_again_replaces_a_model_and_nothing_else(made: Model, tmp_path: Path) -> None:
    assert write(made.folder, ORDINAL | {"version": 2}).about.version == 2
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("大事なもの")
    with pytest.raises(ClassifierError, match="something else than a model"):
        write(tmp_path / "notes", ORDINAL)
    assert (tmp_path / "notes" / "diary.txt").read_text() == "大事なもの"


def test_a_model_with_other_files_beside_it_is_not_replaced(made: Model) -> None:
    (made.folder / "diary.txt").write_text("大事なもの")
    with pytest.raises(ClassifierError, match=r"more than a model, e.g. diary.txt"):
        write(made.folder, ORDINAL)
    assert (made.folder / "diary.txt").read_text() == "大事なもの"


def test_a_model_json_of_another_program_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "model.json").write_text('{"modelTopology": {}}')
    with pytest.raises(ClassifierError, match="not a model of format"):
        write(tmp_path / "theirs", ORDINAL)


@pytest.mark.parametrize("kept", [[], ["README.md", "trained_on.npy"]])
def test_weights_that_no_hash_vouches_for_are_refused(made: Model, kept: list[str]) -> None:
    about = json.loads((made.folder / "model.json").read_text())
    about["files"] = {name: about["files"][name] for name in kept}
    (made.folder / "model.json").write_text(json.dumps(about))
    with pytest.raises(ClassifierError, match="does not vouch for the files in weights/"):
        model.load(made.folder)
