"""What can be checked: the promises that programs declare, by name, and the plain look at one of them.

A check looks; it changes nothing. `promises.py` records what was seen and acts on it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from pilothouse.kernel.base.sql import Row, Statements, run
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.lifecycle.queries import stuck_subjects

from .limits import SAMPLE_MAX_ROWS

PROMISES = ("execution", "billing", "refund", "parity")
# A check in Python gets the batches to look at (None = all) and returns offending rows like a statement's.
Look = Callable[[Sequence[int] | None], list[Row]]


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of one program: what it says, how it is checked, and what a breach means.

    `sql` is a file whose query returns offending rows {tenant, batch, item, what}; its parameter
    `%(batches)s::bigint[]` is null for everything. `look` is for what SQL cannot compute; its rows are added.
    `kind` is the incident that a breach opens (always as P0) and `wide` says that a breach concerns every tenant,
    because they share what is broken.
    """

    program: str
    name: Literal["execution", "billing", "refund", "parity"]
    title: str
    kind: str
    sql: Path
    look: Look | None = None
    wide: bool = False
    mode: Literal["no_dispatch", "no_new"] = "no_dispatch"

    @property
    def check_name(self) -> str:
        """The name under which runs and incidents remember this check: `video:parity`."""
        return f"{self.program}:{self.name}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look saw: the number of offending rows, the first of them, and how many each tenant has."""

    rows: int
    sample: list[Row]
    tenants: dict[int, int]
    ms: int

    @property
    def ok(self) -> bool:
        """Whether nothing offends."""
        return self.rows == 0


def _invariant_rows(check_name: str) -> int:
    name = check_name.partition(":")[2]
    return sum(result["rows"] for result in run_invariants(INVARIANT_FOLDERS) if result["name"] == name)


def _stuck_rows(check_name: str) -> int:
    return sum(row["kind"] == check_name.partition(":")[2] for row in stuck_subjects())


REGISTRY: dict[str, Promise] = {}
# The programs' own invariants; the ledger's are always run.
INVARIANT_FOLDERS: list[Statements] = []
# Other checks that an incident may name, by the family before the colon: name -> number of offending rows.
OTHERS: dict[str, Callable[[str], int]] = {"invariant": _invariant_rows, "stuck": _stuck_rows}


def declare_promises(promises: Iterable[Promise], invariants: Path | None = None) -> tuple[Promise, ...]:
    """Make a program's promises, and its folder of invariants, known to every process that loads it."""
    declared = tuple(promises)
    for promise in declared:
        REGISTRY[promise.check_name] = promise
    if invariants is not None and all(known.folder != invariants for known in INVARIANT_FOLDERS):
        INVARIANT_FOLDERS.append(Statements(str(invariants), invariants.name))
    return declared


def declared(names: Sequence[str] | None = None) -> list[Promise]:
    """The declared promises with these names (None = all), in the order of the four, by program."""
    found = [promise for promise in REGISTRY.values() if names is None or promise.name in names]
    return sorted(found, key=lambda promise: (PROMISES.index(promise.name), promise.program))


def look(promise: Promise, batches: Sequence[int] | None = None) -> Seen:
    """Look at one promise, over everything or these batches, in the open scope."""
    started = monotonic()
    text = promise.sql.read_text(encoding="utf-8")
    rows = run(
        f"WITH offending AS MATERIALIZED (\n{text}\n) "
        "SELECT tenant, count(*) AS count, to_jsonb((array_agg(jsonb_build_object("
        "'tenant', tenant, 'batch', batch, 'item', item, 'what', what)))"
        f"[1:{SAMPLE_MAX_ROWS}]) AS sample FROM offending GROUP BY tenant ORDER BY tenant",
        {"batches": None if batches is None else list(batches)},
    )
    tenants: dict[int, int] = {row["tenant"]: row["count"] for row in rows}
    sample = [entry for row in rows for entry in row["sample"]]
    for row in promise.look(batches) if promise.look else ():
        tenants[row["tenant"]] = tenants.get(row["tenant"], 0) + 1
        sample.append(row)
    return Seen(sum(tenants.values()), sample, tenants, int((monotonic() - started) * 1000))


def offending(check_name: str) -> int:
    """How many rows offend against a check by its name; 0 for a check that nobody declares any longer."""
    if check_name in REGISTRY:
        return look(REGISTRY[check_name]).rows
    family = check_name.partition(":")[0]
    return OTHERS[family](check_name) if family in OTHERS else 0


def sample_json(sample: Sequence[Any]) -> str:
    """The first rows of a sample as JSON text for a jsonb column."""
    return json.dumps(list(sample)[:SAMPLE_MAX_ROWS], default=str)
