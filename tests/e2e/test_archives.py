"""Archive files of other projects, damaged ones too, through a whole run: no crash, every record counted."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from toys import migaki


@pytest.mark.data
def test_real_archives_balance(shared_data: Path, tmp_path: Path) -> None:
    files = [path for path in (shared_data / "b_warc").glob("*/*") if path.is_file()]
    assert len(files) > 70
    for path in files:
        shutil.copy(path, tmp_path / f"{path.parent.name}+{path.name}")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"name": "archives", "steps": ["http", "kana_gate", "extract"]}), encoding="utf-8")
    inputs = [argument for path in files for argument in ("--input", tmp_path / f"{path.parent.name}+{path.name}")]
    migaki("run", recipe, *inputs, "--output", tmp_path / "run", "--inline", "--set", "read.format=warc")
    ledger = json.loads((tmp_path / "run/stats/ledger.json").read_text())
    assert ledger["records"] == ledger["kept"] + ledger["dropped"] + ledger["failed"]
    assert ledger["records"] > 500
