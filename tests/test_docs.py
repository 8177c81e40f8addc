"""Documentation that cannot rot: its commands run, its Python runs, its generated pages are current."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from judge_server import JudgeServer, at_times
from toys import carry_out, clean_environment

from pipeline.recipe import RecipeError, parse
from pipeline.runfolder import FOLDERS
from pipeline.schema import CORPUS_COLUMNS, HOST
from pipeline.step_list import step_list
from pipeline.worker import SIGNAL_RECORD, SIZES
from sample.make_sample import write

ROOT = Path(__file__).resolve().parents[1]
JUDGE = "http://localhost:8000/v1"
"""Address of a judge in the pages; the loopback judge stands in for it."""
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Commands of a page. Ray, of which each start takes ten seconds, is left to the first that starts it."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    assert all(line.startswith(("migaki ", "make ", "source ")) for line in lines)
    found = [line for line in lines if line.startswith("migaki ")]
    on_ray = [line for line in found if starts_ray(line)]
    return [line.partition("  #")[0] + " --inline" if line in on_ray[1:] else line for line in found]


def starts_ray(command: str) -> bool:
    return bool(re.search(r"migaki run | --write ", command)) and "--inline" not in command


RUNNABLE = [page for page in PAGES if blocks(page, "sh") + blocks(page, "python") and page.name != "README.ja.md"]
"""The Japanese README has the commands of the English one, which another test sees to."""
CASES = [
    pytest.param(page, marks=[pytest.mark.ray] if any(map(starts_ray, commands(page))) else [], id=page.name)
    for page in RUNNABLE
]


@pytest.mark.parametrize("page", CASES)
def test_commands_of_a_page_run_one_after_the_other(page: Path, tmp_path: Path) -> None:
    write(tmp_path / "runs/sample-shards")
    if re.search(r"runs/sample[/ ]", page.read_text(encoding="utf-8")):
        carry_out(ROOT / "configs/sample.yaml", tmp_path / "runs/sample-shards", tmp_path / "runs/sample")
    for name, code in files_to_save(page):
        (tmp_path / name).write_text(code, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    programs = [code for code in blocks(page, "python") if code not in dict(files_to_save(page)).values()]
    script = "\n".join(["set -e", *commands(page), *map(_python, programs)])
    with JudgeServer(fault=at_times(0.1)) as judge:
        done = subprocess.run(
            ["bash", "-c", script.replace(JUDGE, judge.url)],
            cwd=tmp_path,
            env=clean_environment() | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    assert done.returncode == 0, done.stderr


def files_to_save(page: Path) -> list[tuple[str, str]]:
    """Blocks that the text before them says to save under a name."""
    return re.findall(
        r"this as `([\w.]+)`:\n\n```\w+\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def _python(code: str) -> str:
    return f"python - <<'PYTHON'\n{code}PYTHON"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_of_a_page_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for pair in named for name in pair if name} <= known


def test_recipes_of_the_readmes_are_right_but_for_the_readers_own_step() -> None:
    for page in PAGES[:2]:
        (text,) = blocks(page, "yaml")
        recipe = yaml.safe_load(text)
        with pytest.raises(
            RecipeError, match=r"^recipe: step 4: step `my_package\.filters:MyFilter` cannot be imported"
        ):
            parse(recipe)
        recipe["steps"].pop(3)
        assert parse(recipe).name == "my_corpus"


def test_both_readmes_have_the_same_commands_and_sections() -> None:
    english, japanese = PAGES[:2]
    for language in ("yaml", "python"):
        assert _code(english, language) == _code(japanese, language)
    assert _code(english, "sh") == _code(japanese, "sh")
    headings = [re.findall(r"^#+", page.read_text(encoding="utf-8"), re.MULTILINE) for page in (english, japanese)]
    assert headings[0] == headings[1]


def _code(page: Path, language: str) -> list[str]:
    return [re.sub(r"\s*#.*", "", block) for block in blocks(page, language)]


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_list_of_steps_is_current() -> None:
    assert (ROOT / "docs/steps.md").read_text(encoding="utf-8") == step_list(), "run `make docs`"


def test_the_page_on_the_run_folder_names_every_column_and_folder() -> None:
    page = (ROOT / "docs/run-folder.md").read_text(encoding="utf-8")
    assert f"`{', '.join(CORPUS_COLUMNS)}`" in page
    assert f"`{', '.join((*SIGNAL_RECORD, HOST.name, *SIZES.names))}`" in page
    assert all(f"`{folder}/" in page for folder in FOLDERS)


def test_every_command_line_option_is_in_a_readme_or_in_help_only() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    for option in ("--input", "--output", "--set", "--workers", "--inline", "--ray-address", "--json", "--reason"):
        assert option in readme
