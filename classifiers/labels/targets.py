"""What one labelled record says about the heads of a target."""

from collections.abc import Hashable, Mapping
from typing import Any

from classifiers.config import Labels, Target
from pipeline.suggest import did_you_mean

SEVERITIES = (0, 1, 2)
"""Unrelated, a topic only, an attack or promotion: the scale of the safety rubric."""
POSITIVE = 2

Values = tuple[float | None, ...]
Record = Mapping[str, Any]


def values(record: Record, labels: Labels, target: Target) -> Values | None:
    """One value for each of ``target.heads``, None where nothing is said about it; None if about none of them.

    Raises ValueError, saying what would do, for a value that its field cannot have.
    """
    read = {"ordinal": _level, "binary": _binary, "classes": _class}[target.kind]
    found = read(record, labels, target)
    return None if all(value is None for value in found) else found


def _level(record: Record, labels: Labels, target: Target) -> Values:
    field = str(labels.score)
    level = _field(record, field)
    if level is None:
        return (None,)
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 <= level <= target.levels:
        raise ValueError(f"`{field}` is {level!r:.60}, not a number from 0 to {target.levels}")
    return (float(level),)


def _class(record: Record, labels: Labels, target: Target) -> Values:
    field = str(labels.label)
    label = _field(record, field)
    if label is not None and not isinstance(label, str):
        raise ValueError(f"`{field}` is {label!r:.60}, not the name of a class")
    said = [label in names for names in target.classes.values()]
    return tuple(float(is_it) if any(said) else None for is_it in said)


def _binary(record: Record, labels: Labels, target: Target) -> Values:
    severities = _severities(record, labels)
    toxic = _toxic(record, labels, severities)
    if severities is None:
        # A text that is not toxic has no category that makes it so.
        return (toxic, *(0.0 if toxic == 0 else None for _ in target.categories))
    positive = {category for category, severity in severities.items() if severity == POSITIVE}
    return (toxic, *(float(not positive.isdisjoint(names)) for names in target.categories.values()))


def _severities(record: Record, labels: Labels) -> Mapping[str, int] | None:
    """Severity by category, those of 0 may be left out; None where the record says nothing about categories."""
    if labels.categories is None:
        return None
    severities = _field(record, labels.categories)
    if severities is None:
        return None
    if not isinstance(severities, Mapping):
        raise ValueError(f"`{labels.categories}` is {severities!r:.60}, not an object of category and severity")
    for category, severity in severities.items():
        if isinstance(severity, bool) or severity not in SEVERITIES:
            raise ValueError(f"severity of `{category:.60}` is {severity!r:.60}, not 0, 1 or 2")
    return severities


def _toxic(record: Record, labels: Labels, severities: Mapping[str, int] | None) -> float | None:
    """1 if a field says so, 0 if all do, None if one has a value without a meaning."""
    if isinstance(labels.toxic, int):
        return float(labels.toxic)
    if labels.toxic is None:
        return None if severities is None else float(POSITIVE in severities.values())
    said = [_meaning(_field(record, field), meanings) for field, meanings in labels.toxic.items()]
    if 1 in said:
        return 1.0
    return None if None in said else 0.0


def _meaning(value: Any, meanings: Mapping[Any, int]) -> int | None:
    return meanings.get(value) if isinstance(value, Hashable) else None


def _field(record: Record, name: str) -> Any:
    """Value of a field; ValueError if it is not there, for a misspelt name must not read as `nothing said`."""
    if name not in record:
        raise ValueError(f"no field `{name}`{did_you_mean(name, record)}")
    return record[name]
