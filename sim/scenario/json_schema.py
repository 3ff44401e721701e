"""The JSON schema of scenario files, for editors: completion, and red lines before a run.

`python -m sim.scenario.json_schema` writes it anew beside this file, after a change of the file format, the
mechanisms or the catalogue; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path

from sim import catalog, mechanisms
from sim.results.whole_file import write_whole

FILE = Path(__file__).parent / "scenario.schema.json"


def schema_text() -> str:
    """The schema as JSON text: the file model, and the names of mechanisms and parameters with their meanings."""
    from sim.scenario.file import ScenarioFile

    schema = ScenarioFile.model_json_schema()
    _without_null_defaults(schema)
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    named = schema["properties"]
    named["mechanisms"] |= {
        "properties": {
            name: {
                "type": "boolean",
                "description": f"{mechanism.title} ({'on' if mechanism.default else 'off'} unless named). "
                f"Off: {mechanism.off}",
            }
            for name, mechanism in mechanisms.REGISTRY.items()
        },
        "additionalProperties": False,
    }
    named["parameters"] |= {
        "properties": {
            name: {
                "description": f"{parameter.meaning} (unit: {parameter.unit})",
                "allOf": [{"$ref": "#/$defs/OverrideTable"}],
            }
            for name, parameter in catalog.load().items()
        },
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _without_null_defaults(node: object) -> None:
    """pydantic writes `default: null` for keys that may be left out; TOML has no null."""
    if isinstance(node, dict):
        if node.get("default", ...) is None:
            del node["default"]
        for inner in node.values():
            _without_null_defaults(inner)
    elif isinstance(node, list):
        for inner in node:
            _without_null_defaults(inner)


if __name__ == "__main__":
    write_whole(FILE, schema_text().encode())
