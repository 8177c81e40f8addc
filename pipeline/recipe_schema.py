"""The JSON Schema of recipes, for editors that complete and check YAML."""

from typing import Any

from pipeline.catalog import STEPS, step_class
from pipeline.recipe import Recipe


def recipe_schema() -> dict[str, Any]:
    """Return the schema: every step of the catalog with its options, their defaults and their descriptions."""
    schema = Recipe.model_json_schema(ref_template="#/$defs/{model}")
    definitions = schema.setdefault("$defs", {})
    alone: list[str] = []
    choices: list[dict[str, Any]] = [{"enum": alone, "description": "A step with its default options."}]
    for name in STEPS:
        options = step_class(name).model_json_schema(ref_template="#/$defs/{model}")
        definitions |= options.pop("$defs", {})
        definitions[name] = options
        step: dict[str, Any] = {"$ref": f"#/$defs/{name}"}
        if not options.get("required"):
            alone.append(name)
            step = {"anyOf": [step, {"type": "null"}]}
        choices.append(
            {"type": "object", "properties": {name: step}, "required": [name], "additionalProperties": False}
        )
    definitions.pop("Stage", None)
    schema["properties"]["steps"] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": choices},
        "description": "The steps, in order.",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Migaki recipe"}
