"""/openapi.json and the running process agree, for data that fits the schemas and for data that does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from front_door import FrontDoor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

pytestmark = [pytest.mark.http, pytest.mark.house]
EXAMPLES_COUNT = 25
WRONG_FORM = ("invalid_input", "malformed_json", "malformed_request")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.timeout(900)
def test_the_process_keeps_its_own_document(door: FrontDoor, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{door.url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 20
    broken = [f"{operation.label}: {why}" for operation in operations if (why := problem(door, operation, mode))]
    assert not broken, "\n\n".join(broken)


def problem(door: FrontDoor, operation: Any, mode: GenerationMode) -> str:
    """What is wrong with one operation's answers, or an empty text."""
    headers = {"Authorization": f"Bearer {door.ours.keys['full']}"}
    told: list[str] = []

    @settings(
        max_examples=EXAMPLES_COUNT, deadline=None, derandomize=True, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(headers=headers)
        # Money, pauses, other rows: what a schema cannot say has a code of its own. A wrong form has not.
        code = response.json()["error"]["code"] if 400 <= response.status_code < 500 else "invalid_input"
        # Nor can it say what the JSON inside a part of a form looks like.
        meant = code not in WRONG_FORM or case.media_type == "multipart/form-data"
        told[:] = [case.as_curl_command()[:600], response.text[:300]]
        case.validate_response(response, excluded_checks=[positive_data_acceptance] if meant else [])

    try:
        ask()
    except Unsatisfiable:
        # An operation without any input has no wrong input.
        return ""
    except BaseExceptionGroup as several:
        return "\n".join([*(str(one) for one in several.exceptions), *told])
    except Exception as error:
        return "\n".join([f"{type(error).__name__}: {error}", *told])
    return ""


def test_every_field_has_words(door: FrontDoor) -> None:
    """A field that the document does not explain has to be guessed by whoever integrates."""
    with door.api("") as api:
        document = api.get("/openapi.json").json()
    silent = []

    def walk(where: str, node: Any) -> None:
        if isinstance(node, dict):
            for name, field in (node.get("properties") or {}).items():
                if isinstance(field, dict) and not field.get("description"):
                    silent.append(f"{where}.{name}")
            for key, value in node.items():
                walk(f"{where}.{key}", value)
        elif isinstance(node, list):
            for number, value in enumerate(node):
                walk(f"{where}.{number}", value)

    walk("components", document["components"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert operation.get("description"), where
            silent += [f"{where} {p['name']}" for p in operation.get("parameters", []) if not p.get("description")]
            walk(where, operation.get("requestBody", {}))
    assert silent == []
