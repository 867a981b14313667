"""Reads of timelines, timers and stuck subjects."""

from collections.abc import Sequence

from pilothouse.kernel.base.sql import Row, Statements, run

from .table import REGISTRY

SQL = Statements(__file__)
SEES = {"customer": ["customer"], "internal": ["customer", "internal"], "secret": ["customer", "internal", "secret"]}


def timeline(kind: str, subjects: Sequence[int], viewer: str, count: int = 200, skip: int = 0) -> list[Row]:
    """The events of these subjects that `viewer` may see, newest first."""
    return SQL.rows("timeline", kind=kind, subjects=list(subjects), visibilities=SEES[viewer], count=count, skip=skip)


def stuck_subjects() -> list[Row]:
    """Every subject in an open state that nothing will move on: {kind, id, tenant, state}."""
    return run(" UNION ALL ".join(lifecycle.stuck_sql() for lifecycle in REGISTRY.values()))
