"""Recipes: a YAML file with one flat, ordered list of steps; errors name file, line, step and field."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from pipeline.catalog import step_class, step_reference
from pipeline.readers.chunk import Read
from pipeline.stage import Checkpoint, Options, Stage
from pipeline.suggest import did_you_mean, nearest

Location = tuple[str | int, ...]


class RecipeError(ValueError):
    """A recipe that cannot be used; the message is meant for its author."""


class Recipe(Options):
    """What a run does, independent of where it reads and writes."""

    name: str = Field(min_length=1)
    """Name of the recipe; the corpus card shows it."""
    description: str = ""
    """One or two sentences on what it is for."""
    read: Read = Read()
    """How input files are read."""
    audit: float = Field(default=0.01, ge=0, le=1)
    """Share of decoded documents, chosen by a hash of the id, that every later stage scores whatever the verdicts."""
    excluded: int | None = Field(default=20, ge=0)
    """Dropped documents whose text is kept, per shard and reason, chosen by a hash of the id; null keeps all."""
    steps: tuple[Stage, ...]
    """The stages, in order."""

    def resolved(self) -> dict[str, Any]:
        """Return the recipe with every default spelled out, as plain data; ``parse`` gives it back."""
        plain = self.model_dump(mode="json", exclude={"steps"})
        return plain | {"steps": [{step_reference(step): step.model_dump(mode="json")} for step in self.steps]}


def load(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name, and apply ``step.option=value`` overrides."""
    file = find(str(path))
    data, places = _read_yaml(file)
    return _overridden(data, overrides, str(file), places)


def amend(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Apply ``step.option=value`` overrides to a recipe that was read before."""
    return _overridden(recipe.resolved(), overrides, recipe.name, {})


def find(name: str) -> Path:
    """Return the path of a recipe file; a bare name stands for a recipe shipped in ``configs/``."""
    path = Path(name)
    if path.is_file():
        return path
    shipped = {file.stem: file for folder in _shipped_folders() for file in sorted(folder.glob("*.yaml"))}
    if name in shipped:
        return shipped[name]
    raise RecipeError(f"{name}: no such file and no shipped recipe{did_you_mean(name, shipped)}")


def parse(data: Any, file: str = "recipe", places: Mapping[Location, str] | None = None) -> Recipe:
    """Build a recipe from plain data; every problem found is named in one RecipeError."""
    place = _Place(file, places or {})
    if not isinstance(data, dict):
        raise RecipeError(f"{file}: a recipe is a mapping with `name` and `steps`")
    steps = data.get("steps")
    if not isinstance(steps, list) or not steps:
        raise RecipeError(f"{place(('steps',))}: `steps` must be a list with at least one step")
    problems: list[str] = []
    stages = [_step(entry, index, place, problems) for index, entry in enumerate(steps)]
    _refuse_repeats(stages, place, problems)
    try:
        recipe = Recipe.model_validate(data | {"steps": ()})
    except ValidationError as error:
        problems += _explain(error, Recipe, (), place)
    if problems:
        raise RecipeError("\n".join(problems))
    return recipe.model_copy(update={"steps": tuple(stage for stage in stages if stage)})


class _Place:
    """Turns a location inside a recipe into the place where it was written, ``file:line`` or ``--set ...``."""

    def __init__(self, file: str, places: Mapping[Location, str]) -> None:
        self.file, self.places = file, places

    def __call__(self, location: Location) -> str:
        for end in range(len(location), -1, -1):
            if location[:end] in self.places:
                return self.places[location[:end]]
        return self.file


def _step(entry: Any, index: int, place: _Place, problems: list[str]) -> Stage | None:
    location: Location = ("steps", index)
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, dict) or len(entry) != 1:
        problems.append(f"{place(location)}: step {index + 1}: write `- name` or `- name: {{option: value}}`")
        return None
    ((name, options),) = entry.items()
    try:
        cls = step_class(str(name))
    except KeyError as error:
        problems.append(f"{place((*location, name))}: step {index + 1}: {error.args[0]}")
        return None
    try:
        return cls.model_validate({} if options is None else options)
    except ValidationError as error:
        problems += _explain(error, cls, (*location, name), place, f"step {index + 1} `{name}`: ")
        return None


def _refuse_repeats(stages: Sequence[Stage | None], place: _Place, problems: list[str]) -> None:
    seen = {"read", "worker"}  # reasons of no step begin with these
    for index, stage in enumerate(stages):
        if stage is None or isinstance(stage, Checkpoint):
            continue
        if stage.name() in seen:
            at = place(("steps", index))
            problems.append(f"{at}: step {index + 1}: `{stage.name()}` stands twice; its reasons would be confused")
        seen.add(stage.name())


def _explain(error: ValidationError, model: type[Options], at: Location, place: _Place, prefix: str = "") -> list[str]:
    lines = []
    for problem in _distinct(error):
        field = ".".join(str(part) for part in problem["loc"])
        where = place((*at, *problem["loc"]))
        if problem["type"] == "extra_forbidden":
            valid = _fields_at(model, problem["loc"][:-1])
            message = f"unknown option `{field}`{did_you_mean(str(problem['loc'][-1]), valid)}"
        elif problem["type"] == "model_type":
            keys = ", ".join(f"{name}: ..." for name in _fields_at(model, problem["loc"]))
            message = f"option `{field}`: write {{{keys}}} (got {problem['input']!r:.80})"
        else:
            shown = "" if problem["type"] == "missing" else f" (got {problem['input']!r:.80})"
            option = f"option `{field}`: " if field else ""
            message = f"{option}{_said(problem)}{shown}"
        lines.append(f"{where}: {prefix}{message}")
    return lines


def _distinct(error: ValidationError) -> list[dict[str, Any]]:
    """One problem for each place, of all ways in which it could have been right: what a check of our own says first."""
    found: dict[Location, dict[str, Any]] = {}
    for problem in error.errors():
        place = tuple(part for part in problem["loc"] if not re.search(r"[\[(]|^(str|int|float|bool)$", str(part)))
        known = found.get(place)
        if known is None or (problem["type"] == "value_error" != known["type"]):
            found[place] = {**problem, "loc": place}
    return list(found.values())


def _said(problem: Mapping[str, Any]) -> str:
    """What is wrong with a value, in words for the author of a recipe."""
    if problem["type"] == "tuple_type":
        return "write a list, [one, or, more]"
    said: str = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        return said + nearest(problem["input"], re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
    return said


def _fields_at(model: type[Options], location: Iterable[Any]) -> list[str]:
    for part in location:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, Options):
            model = annotation
    return list(model.model_fields)


def _overridden(data: Any, overrides: Sequence[str], file: str, places: dict[Location, str]) -> Recipe:
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        return parse(data, file, places)
    named = [_step_names(entry) for entry in data["steps"]] if overrides else []
    for override in overrides:
        places[_override(data, override, named)] = f"--set {override}"
    return parse(data, file, places)


def _defaults(step: str, option: str) -> dict[str, Any]:
    """Default of an option that is a section, so that an override of one bound leaves the other one alone."""
    try:
        field = step_class(step).model_fields.get(option)
    except KeyError:
        return {}  # ``parse`` explains the step
    return field.default.model_dump(exclude_none=True) if field and isinstance(field.default, Options) else {}


def _override(data: Any, override: str, named: Sequence[tuple[str, ...]]) -> Location:
    """Apply an override; returns the location it wrote to. ``named``: what each step may be called."""
    target, equals, value = override.partition("=")
    keys = target.split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {override}: write step.option=value, e.g. length.japanese_letters.min=400")
    entry, location = _override_root(data, keys, override, named)
    for depth, key in enumerate(keys[:-1]):
        entry = entry.setdefault(key, _defaults(str(location[-1]), key) if location and depth == 0 else {})
        if not isinstance(entry, dict):
            raise RecipeError(f"--set {override}: `{key}` is not a section")
    entry[keys[-1]] = yaml.safe_load(value)
    return (*location, *keys)


def _override_root(
    data: Any, keys: list[str], override: str, named: Sequence[tuple[str, ...]]
) -> tuple[dict[str, Any], Location]:
    """Return the mapping that ``keys`` start from and its location; the step's name is taken off ``keys``."""
    steps = data["steps"]
    found = [index for index, names in enumerate(named) if keys[0] in names]
    if len(found) > 1:
        own = ", ".join(f"`{named[index][-1]}`" for index in found)
        raise RecipeError(f"--set {override}: `{keys[0]}` stands {len(found)} times; name one: {own}")
    if found and len(keys) > 1:
        (index,), key = found, named[found[0]][0]
        del keys[0]
        options = {} if isinstance(steps[index], str) else steps[index][key] or {}
        steps[index] = {key: options}
        return options, ("steps", index, key)
    top = [name for name in Recipe.model_fields if name != "steps"]
    if keys[0] not in top:
        valid = dict.fromkeys([*(name for names in named for name in names), *top])
        raise RecipeError(f"--set {override}: no step `{keys[0]}`{did_you_mean(keys[0], valid)}")
    return data, ()


def _step_names(entry: Any) -> tuple[str, ...]:
    """What a step may be called in an override: as the recipe writes it, and by its own name where that differs."""
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        return ()
    ((key, options),) = entry.items()
    try:
        name = step_class(str(key)).model_validate(options or {}).name()
    except (KeyError, ValidationError):
        return (key,)  # ``parse`` explains what is wrong, unless an override mends it
    return (key,) if name == key else (key, name)


def _read_yaml(file: Path) -> tuple[Any, dict[Location, str]]:
    try:
        loader = yaml.SafeLoader(file.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        places: dict[Location, str] = {}
        if node is not None:
            _collect_places(node, (), places, file)
        return (None if node is None else loader.construct_document(node)), places
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise RecipeError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: not UTF-8 at byte {error.start}") from error


def _collect_places(node: yaml.Node, at: Location, places: dict[Location, str], file: Path) -> None:
    places.setdefault(at, f"{file}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect_places(child, (*at, index), places, file)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            location = (*at, key.value)
            place = f"{file}:{key.start_mark.line + 1}"
            if location in places:
                raise RecipeError(f"{place}: `{key.value}` is given twice")
            places[location] = place
            _collect_places(child, location, places, file)


def _shipped_folders() -> list[Path]:
    package = Path(__file__).parent
    return [folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir()]
