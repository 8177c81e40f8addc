"""The architecture as a test: imports go one way, and each third-party library has its home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for package in ("pipeline", "classifiers") for path in (ROOT / package).rglob("*.py"))

LAYERS = [
    {"pipeline.__main__"},
    {"pipeline.cli"},
    {"pipeline.classifier_commands"},
    {"pipeline.console"},
    {"pipeline.compare"},
    {
        "pipeline.comparison",
        "pipeline.index_table",
        "pipeline.refilter_table",
        "pipeline.display",
        "pipeline.recipe_schema",
        "pipeline.step_list",
    },
    {"pipeline.refilter", "pipeline.indexing", "pipeline.similar", "pipeline.sampling"},
    {"pipeline.stored_documents", "pipeline.drawing", "pipeline.strata"},
    {"pipeline.signed_run"},
    {"pipeline.run", "pipeline.report"},
    {"pipeline.ray_engine", "pipeline.supervisor"},
    {"pipeline.engine"},
    {"pipeline.resolution"},
    {"pipeline.worker"},
    {"pipeline.feed", "pipeline.scoring", "pipeline.earlier", "pipeline.effects"},
    {"pipeline.judgement", "pipeline.known"},
    {"pipeline.provenance"},
    {"pipeline.runfolder", "pipeline.plan", "pipeline.task", "pipeline.parts", "pipeline.isolation"},
    {"pipeline.recipe", "pipeline.flow", "pipeline.fingerprint"},
    {"pipeline.catalog"},
    {"classifiers.train"},
    {"classifiers.evaluation", "classifiers.serving"},
    {"classifiers.model"},
    {"classifiers.backends", "classifiers.labels"},
    {"classifiers.annotation", "classifiers.features", "classifiers.ordinal"},
    {"classifiers.config"},
    {"classifiers.jsonl"},
    {"classifiers.errors"},
    {"classifiers"},
    {"pipeline.filters", "pipeline.modifiers", "pipeline.dedup", "pipeline.readers", "pipeline.writers"},
    {"pipeline.barrier"},
    {"pipeline.funnel", "pipeline.storage", "pipeline.stage", "pipeline.stats"},
    {"pipeline.schema", "pipeline.suggest", "pipeline.text"},
    {"pipeline"},
]
"""From top to bottom. A module may import from lower layers, and from its own package folder."""

HOMES = {
    "ray": {"pipeline.ray_engine"},
    "typer": {"pipeline.cli", "pipeline.classifier_commands", "pipeline.console"},
    "rich": {
        "pipeline.cli",
        "pipeline.classifier_commands",
        "pipeline.console",
        "pipeline.comparison",
        "pipeline.display",
        "pipeline.index_table",
        "pipeline.refilter_table",
        "pipeline.report",
    },
    "yaml": {
        "pipeline.recipe",
        "pipeline.writers.corpus",
        "classifiers.config",
        "classifiers.annotation.rubric",
        "classifiers.evaluation.card",
    },
    "fsspec": {"pipeline.storage", "pipeline.readers"},
    "fastwarc": {"pipeline.readers"},
    "zstandard": {"pipeline.readers"},
    "fasttext": {"pipeline.filters.language", "classifiers.backends.fasttext_backend"},
    "datatrove": {"pipeline.filters.url", "pipeline.modifiers.datatrove_block", "pipeline.text.datatrove_chars"},
    "trafilatura": {"pipeline.modifiers"},
    "resiliparse": {"pipeline.modifiers", "pipeline.text.charset"},
    "numba": {"pipeline.text", "pipeline.dedup", "pipeline.filters.url", "classifiers"},
    "datasketch": {"pipeline.similar"},
    "sklearn": {"classifiers"},
    "scipy": {"classifiers"},
    "threadpoolctl": {"classifiers"},
    "openai": {"classifiers.annotation.judge"},
    "altair": {"classifiers.evaluation.plots"},
    "vl_convert": {"classifiers.evaluation.plots"},
    "fugashi": {"pipeline.text.words"},
    "unidic_lite": {"pipeline.text"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
            names |= {f"{node.module}.{alias.name}" for alias in node.names if is_module(f"{node.module}.{alias.name}")}
    return names


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def layer(name: str) -> int:
    for length in range(name.count(".") + 1, 0, -1):
        prefix = ".".join(name.split(".")[:length])
        for index, names in enumerate(LAYERS):
            if prefix in names:
                return index
    raise AssertionError(f"{name} stands in no layer")


def folder(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:2]) if (ROOT / "/".join(parts[:2])).is_dir() else name


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_down_the_layers(path: Path) -> None:
    name = module_name(path)
    for target in imported(path):
        if target.partition(".")[0] not in ("pipeline", "classifiers") or target == "pipeline":
            continue
        allowed = layer(target) > layer(name) or folder(target) == folder(name)
        assert allowed, f"{name} must not import {target}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_each_library_is_imported_in_its_home_only(path: Path) -> None:
    name = module_name(path)
    for target in imported(path):
        homes = HOMES.get(target.partition(".")[0])
        at_home = homes is None or any(name == home or name.startswith(home + ".") for home in homes)
        assert at_home, f"{target} is imported in {name}; its home is {sorted(homes or ())}"
