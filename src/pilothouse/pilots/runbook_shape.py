"""Whether a runbook has the form that everything after its publishing relies on: what is there, and of which type."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from .lifecycle import OUTCOMES
from .registry import programs_with_runbooks
from .runbook import VISIBILITIES, Criterion, Failure, Line, Metric, Phase, Text
from .runbook_errors import RunbookMalformed

LENGTHS = ("deadline_hours", "stale_days", "pause_max_days", "verdict_waits_hours", "verdict_due_working_days")
TEXTS = ("id", "title", "program", "objective", "summary", "review_phase")
OPTIONAL_TEXTS = ("boundary", "grant_description", "key_name", "one_rule")
PARTS: dict[str, type] = {
    "phases": Phase, "lines": Line, "daily": Line, "criteria": Criterion, "failures": Failure, "metrics": Metric,
    "texts": Text,
}  # fmt: skip
# Read as tables wherever they are there.
LISTS = ("playbooks", "questions", "quick_references", "rollback_triggers", "signals")
NEEDED = ("phases", "lines", "criteria")
# Its absence is a mistake of its own, with its own code.
TOLD_ELSEWHERE = ("fail_at",)
# What a program that grants credits reckons with.
CREDIT_SCOPE = (
    "batch_min_items", "batch_max_items", "batches", "items", "credits_per_item", "budget_min_usd", "budget_max_usd",
)  # fmt: skip
NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_shape(body: Mapping[str, Any]) -> None:
    """Raise RunbookMalformed for the first part that is missing or of another type."""
    for name in TEXTS:
        if not _is_text(body.get(name)) or not body[name]:
            raise RunbookMalformed(reason=f"{name} must be text.")
    if not NAME.fullmatch(body["id"]):
        raise RunbookMalformed(reason="id must be small letters, digits and underscores.")
    if not _is_whole(body.get("version")) or body["version"] < 1:
        raise RunbookMalformed(reason="version must be a whole number from 1.")
    for name in LENGTHS:
        if not _is_number(body.get(name)) or body[name] <= 0:
            raise RunbookMalformed(reason=f"{name} must be a number above 0.")
    if body["program"] not in programs_with_runbooks():
        raise RunbookMalformed(reason=f"there is no program {body['program']!r} that can be piloted.")
    for part, kind in PARTS.items():
        _part(body, part, kind)
    if body["review_phase"] not in {phase["id"] for phase in body["phases"]}:
        raise RunbookMalformed(reason=f"review_phase names no phase: {body['review_phase']}.")
    _settings(body)
    _rest(body)


def _part(body: Mapping[str, Any], part: str, kind: type) -> None:
    rows = body.get(part, [])
    if not _is_tables(rows) or (part in NEEDED and not rows):
        raise RunbookMalformed(reason=f"{part} must be there, as tables.")
    for number, row in enumerate(rows, 1):
        where = f"{part} {number}" + (f" ({row['id']})" if row.get("id") else "")
        for field in fields(kind):
            if field.name not in row and _is_required(field):
                raise RunbookMalformed(reason=f"{where} has no {field.name}.")
            if field.name in row and not FITS[field.type](row[field.name]):
                raise RunbookMalformed(reason=f"{where}: {field.name} is not of its type.")
        if row.get("visibility", VISIBILITIES[0]) not in VISIBILITIES:
            raise RunbookMalformed(reason=f"{where}: visibility is {' or '.join(VISIBILITIES)}.")
    ids = [row["id"] for row in rows]
    if len(set(ids)) < len(ids) or "" in ids:
        raise RunbookMalformed(reason=f"{part} must be there, each id once.")


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.name not in TOLD_ELSEWHERE


def _settings(body: Mapping[str, Any]) -> None:
    for name in ("scope", "flags", "verdict_names"):
        if not isinstance(body.get(name, {}), Mapping):
            raise RunbookMalformed(reason=f"{name} must be a table.")
    names = body.get("verdict_names", {})
    for name in OUTCOMES:
        if not _is_text(names.get(name)) or not names[name]:
            raise RunbookMalformed(reason=f"verdict_names must name {name}.")
    _scope(body.get("scope", {}), grants=bool(body.get("grant_description")))
    for name in OPTIONAL_TEXTS:
        if not _is_text(body.get(name, "")):
            raise RunbookMalformed(reason=f"{name} must be text.")
    for name in ("grant_description", "key_name"):
        if set(re.findall(r"[{}]", body.get(name, "").replace("{company}", ""))):
            raise RunbookMalformed(reason=f"{name} has another slot than {{company}}.")
    rate = body.get("key_rate_limit_per_min", 1)
    if not _is_whole(rate) or rate < 1:
        raise RunbookMalformed(reason="key_rate_limit_per_min must be a whole number above 0.")


def _scope(scope: Mapping[str, Any], *, grants: bool) -> None:
    """The size of a pilot; one in credits also says how many, and `grants` under a description of its own."""
    for name, value in scope.items():
        if not _is_text(value) and not (_is_number(value) and value >= 0):
            raise RunbookMalformed(reason=f"scope.{name} must be text or a number from 0.")
    if "credits_per_item" not in scope:
        return
    for name in CREDIT_SCOPE:
        if not _is_whole(scope.get(name)) or scope[name] < 1:
            raise RunbookMalformed(reason=f"scope.{name} must be a whole number from 1.")
    if scope["batch_min_items"] > scope["batch_max_items"]:
        raise RunbookMalformed(reason="scope.batch_min_items is above batch_max_items.")
    if not grants:
        raise RunbookMalformed(reason="a pilot with credits needs a grant_description.")


def _rest(body: Mapping[str, Any]) -> None:
    """Everything else is lists of tables, of plain values or lists of them: what JSON keeps exactly."""
    for name, value in body.items():
        if name in LISTS or (isinstance(value, list) and name not in PARTS):
            _plain_tables(name, value)
        elif isinstance(value, Mapping):
            for key, each in value.items():
                if not _is_plain(each):
                    raise RunbookMalformed(reason=f"{name}.{key} must be text, a number, true or false.")
        elif not isinstance(value, list) and not _is_plain(value):
            raise RunbookMalformed(reason=f"{name} must be text, a number, true or false.")


def _plain_tables(name: str, rows: Any) -> None:
    if not _is_tables(rows):
        raise RunbookMalformed(reason=f"{name} must be tables.")
    for row in rows:
        for key, each in row.items():
            if not _is_plain(each) and not (isinstance(each, list) and all(map(_is_plain, each))):
                raise RunbookMalformed(reason=f"{key} of {name} must be text, a number or a list of them.")


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# By the type that a field of a part is declared with; a file has no None, it leaves the field out.
FITS: dict[Any, Callable[[Any], bool]] = {
    str: _is_text,
    bool: lambda value: isinstance(value, bool),
    int: _is_whole,
    int | None: _is_whole,
    float | None: _is_number,
    tuple[str, ...]: _is_texts,
}
