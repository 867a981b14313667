"""/openapi.json explains every field by an example that is valid, and changes only as customers' programs can bear."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
from house_scripts import house_script

from pilothouse.site import api
from pilothouse.site.api_examples import EXAMPLES, fields_of, refers

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return house_script("openapi")


@pytest.fixture(scope="module")
def document(script: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = script.document()
    return found


def test_every_field_has_a_description_and_an_example(document) -> None:
    fields = list(fields_of(document))
    assert len(fields) > 150
    assert [f"{owner}.{name}" for owner, name, field in fields if not field.get("description")] == []
    told = [f"{owner}.{name}" for owner, name, field in fields if not field.get("examples") and not refers(field)]
    assert told == [], "add them to src/pilothouse/site/api_examples.py"


def test_every_operation_has_a_summary_and_a_description(document) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)


def test_every_example_is_valid(document) -> None:
    for owner, name, field in fields_of(document):
        for example in field.get("examples", []):
            schema = {**field, "components": document["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(example)
            assert example is not None or "null" in str(field), f"{owner}.{name}"


def test_a_process_makes_the_document_once(document, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for it again and again would otherwise cost a second of CPU each time."""
    from pilothouse.site.urls import API

    first = API.get_openapi_schema(path_prefix="")
    monkeypatch.setattr(api, "fill_examples", lambda _schema: pytest.fail("it was made again"))
    assert API.get_openapi_schema(path_prefix="") is first


def test_no_example_is_left_over(document) -> None:
    used = {key for owner, name, field in fields_of(document) for key in (f"{owner}.{name}", name)}
    assert sorted(set(EXAMPLES) - used) == []


def test_the_snapshot_is_current_and_breaks_nothing_undeclared() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/openapi.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def change(document: dict[str, Any], *path: str) -> dict[str, Any]:
    """The part of a document at a path."""
    for key in path:
        document = document[key]
    return document


BODY = ("paths", "/v1/batches", "post", "requestBody", "content", "application/json", "schema")
SCHEMAS = ("components", "schemas")
BROKEN = {
    "DELETE /v1/webhooks/{endpoint_id} removed": lambda d: change(d, "paths", "/v1/webhooks/{endpoint_id}").pop(
        "delete"
    ),
    "GET /v1/batches 200.next removed": lambda d: change(d, *SCHEMAS, "BatchesOut", "properties").pop("next"),
    "GET /v1/batches/{batch_id} 200.ledger.settled removed": lambda d: change(
        d, *SCHEMAS, "MoneyOut", "properties"
    ).pop("settled"),
    "GET /v1/batches 200.batches[].status: type string is now integer": lambda d: change(
        d, *SCHEMAS, "BatchBody", "properties", "status"
    ).update(type="integer"),
    "POST /v1/batches body.webhook_url required": lambda d: change(d, *BODY)["required"].append("webhook_url"),
    "POST /v1/batches body.request_id: maxLength 255 is now 100": lambda d: change(
        d, *BODY, "properties", "request_id"
    ).update(maxLength=100),
    "POST /v1/batches body.items[].params.aspect: value 1:1 removed": lambda d: change(
        d, *BODY, "properties", "items", "items", "properties", "params", "properties", "aspect"
    )["enum"].remove("1:1"),
    "GET /v1/ledger ?since removed": lambda d: change(d, "paths", "/v1/ledger", "get").update(
        parameters=[p for p in change(d, "paths", "/v1/ledger", "get")["parameters"] if p["name"] != "since"]
    ),
    "GET /v1/ledger ?limit required": lambda d: [
        p.update(required=True) for p in change(d, "paths", "/v1/ledger", "get")["parameters"] if p["name"] == "limit"
    ],
    "POST /v1/batches 201 removed": lambda d: change(d, "paths", "/v1/batches", "post", "responses").pop("201"),
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_break_is_found(line, script, document) -> None:
    broken = copy.deepcopy(document)
    BROKEN[line](broken)
    assert line in script.breaks(document, broken)


def test_what_only_adds_is_no_break(script, document) -> None:
    wider = copy.deepcopy(document)
    change(wider, *BODY, "properties")["note"] = {"type": "string"}
    change(wider, *BODY, "properties", "request_id").update(maxLength=500)
    change(wider, *SCHEMAS, "BatchBody", "properties")["note"] = {"type": "string"}
    change(wider, "paths")["/v1/new"] = {"get": {"responses": {"200": {}}}}
    assert script.breaks(document, wider) == []


def test_a_declared_break_is_let_through_and_only_that(script, document, tmp_path, monkeypatch, capsys) -> None:
    older = copy.deepcopy(document)
    change(older, *SCHEMAS, "BatchBody", "properties")["note"] = {"type": "string"}
    (tmp_path / "openapi.json").write_text(json.dumps(older))
    monkeypatch.setattr(script, "SNAPSHOT", tmp_path / "openapi.json")
    monkeypatch.setattr(script, "CHANGES", tmp_path / "changes.md")
    (tmp_path / "changes.md").write_text("None.\n")
    assert script.main(False) == 1
    lines = [line.split("declare it: ")[1] for line in capsys.readouterr().err.splitlines()]
    (tmp_path / "changes.md").write_text("\n".join(f"- `{line}`: gone" for line in lines))
    assert script.main(False) == 0
    assert json.loads((tmp_path / "openapi.json").read_text()) == document
