"""What a fingerprint notices: options, code behind a stage near and far, and nothing else."""

import importlib
import sys
from pathlib import Path

import pytest

from pipeline import fingerprint
from pipeline.filters.length import Length
from pipeline.fingerprint import code_version, digest, stage_fingerprint
from pipeline.plan import plan
from pipeline.recipe import load, parse
from pipeline.stage import Interval


def test_equal_data_has_equal_digests_whatever_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2, "三"]}) == digest({"b": [2, "三"], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_an_option_changes_it() -> None:
    assert stage_fingerprint(Length()) == stage_fingerprint(Length())
    assert stage_fingerprint(Length()) != stage_fingerprint(Length(japanese_letters=Interval(min=1)))
    assert stage_fingerprint(Length(), frozenset()) == stage_fingerprint(
        Length(characters=Interval(max=9)), frozenset()
    )


@pytest.mark.parametrize("changed", ["far.py", "near.py"])
def test_code_that_a_module_imports_changes_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    package = tmp_path / "own"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "far.py").write_text("FAR = 1\n")
    (package / "near.py").write_text("from own.far import FAR\n")
    (package / "stage.py").write_text("def late():\n    from own import near\n    return near\n")
    (package / "other.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fingerprint, "OWN_PACKAGES", ("own",))
    importlib.invalidate_caches()

    def version() -> str:
        code_version.cache_clear()
        fingerprint._imports.cache_clear()
        return code_version("own.stage")

    before = version()
    (package / "other.py").write_text("X = 2\n")
    assert version() == before
    (package / changed).write_text((package / changed).read_text() + "Y = 2\n")
    assert version() != before
    sys.modules.pop("own", None)


@pytest.mark.parametrize("changed", ["helper.py", "package/inner.py", "package/far.py"])
def test_files_beside_a_users_own_step_belong_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "own_step.py").write_text("import json\nimport numpy\nimport helper\nfrom package import inner\n")
    (tmp_path / "helper.py").write_text("A = 1\n")
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/inner.py").write_text("from .far import B\n")
    (tmp_path / "package/far.py").write_text("B = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    def version() -> str:
        code_version.cache_clear()
        fingerprint._imports.cache_clear()
        return code_version("own_step")

    before = version()
    (tmp_path / changed).write_text("C = 1\n")
    assert version() != before
    assert set(fingerprint._closure("own_step")) <= {"own_step", "helper", "package", "package.inner", "package.far"}
    assert not {"helper", "package.inner", "package.far"} & set(sys.modules)
    del sys.modules["package"]


def test_a_barrier_option_that_only_matters_later_leaves_the_first_pass_alone() -> None:
    plans = [plan(load("ja_web", overrides)) for overrides in ((), ["minhash.threshold=0.9"], ["minhash.ngram=5"])]
    passes = [[planned.fingerprint(index) for index in range(3)] for planned in plans]
    barriers = [planned.barrier_fingerprint(1) for planned in plans]
    assert passes[0] == passes[1]
    assert passes[0][0] == passes[2][0]
    assert passes[0][1] != passes[2][1]
    assert len(set(barriers)) == 3


def test_reading_options_matter_to_the_first_pass_only() -> None:
    base = load("ja_web")
    other = parse(base.resolved() | {"read": {"batch_records": 7}})
    assert plan(base).fingerprint(0) != plan(other).fingerprint(0)
    assert plan(base).fingerprint(1) == plan(other).fingerprint(1)
