"""What the running processes say of themselves, so that a check judges them and not whoever runs the check."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import connections, transaction

from pilothouse.kernel.base.sql import Row, Statements

from .limits import HEARTBEAT_FRESH_S

SQL = Statements(__file__)


def report_process(alias: str, name: str, kind: str, report: Mapping[str, Any]) -> None:
    """Say that the process `name` (of `kind` web, live or worker) lives and runs under the settings in `report`.

    Outside of any scope, with the process's own login (`alias` of its database): a scope is somebody's, this is not.
    """
    params = {"name": name, "kind": kind, "report": json.dumps(dict(report))}
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(SQL.text("report_process"), params)


def running_processes() -> list[Row]:
    """The processes that were heard of a moment ago: {name, kind, report}, in the worker's or an operator's scope."""
    return SQL.rows("running_processes", fresh_s=HEARTBEAT_FRESH_S)


def worker_up_s() -> float | None:
    """For how many seconds of machine time the longest-running worker is up; None when none is heard of."""
    row = SQL.one("worker_up", fresh_s=HEARTBEAT_FRESH_S)
    return None if row is None or row["up_s"] is None else float(row["up_s"])


def oldest_unsealed() -> tuple[float | None, bool]:
    """The age in seconds of the oldest row that no seal holds (None = all are sealed), and whether any seal exists."""
    row = SQL.one("oldest_unsealed")
    assert row is not None
    return (None if row["age_s"] is None else float(row["age_s"])), bool(row["any_sealed"])
