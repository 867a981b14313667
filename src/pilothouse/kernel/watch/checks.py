"""What can be checked: the promises that programs declare, by name, and the plain look at one of them.

A check looks; it changes nothing. `promises.py` records what was seen and acts on it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from pilothouse.kernel import payments
from pilothouse.kernel.base.sql import Row, Statements, run
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.lifecycle.queries import stuck_subjects

from .limits import SAMPLE_MAX_ROWS

KEY_SQL = "md5(o.tenant || '|' || coalesce(o.batch, '') || '|' || coalesce(o.item, '') || '|' || o.what)"
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
    """What a look saw: the number of offending rows, the first of them, how many each tenant has, and how many more
    were accepted."""

    rows: int
    sample: list[Row]
    tenants: dict[int, int]
    ms: int
    accepted: int = 0

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
# Those of payments and of the programs; the ledger's own are always run.
INVARIANT_FOLDERS: list[Statements] = [Statements(str(payments.__file__), "sql/invariants")]
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


def look(promise: Promise, batches: Sequence[int] | None = None, sample_rows: int = SAMPLE_MAX_ROWS) -> Seen:
    """Look at one promise, over everything or these batches, in the open scope.

    Rows that were accepted with an incident's root cause do not offend; they are counted apart.
    """
    started = monotonic()
    text = promise.sql.read_text(encoding="utf-8")
    rows = run(
        f"WITH offending AS MATERIALIZED (\n{text}\n), judged AS (SELECT o.*, EXISTS (SELECT FROM accepted_finding a "
        f"WHERE a.check_name = %(check)s AND a.key = {KEY_SQL}) AS accepted FROM offending o) "
        "SELECT tenant, count(*) FILTER (WHERE NOT accepted) AS count, count(*) FILTER (WHERE accepted) AS accepted, "
        "coalesce(to_jsonb((array_agg(jsonb_build_object("
        "'tenant', tenant, 'batch', batch, 'item', item, 'what', what)) FILTER (WHERE NOT accepted))"
        "[1:%(sample)s]), '[]') AS sample FROM judged GROUP BY tenant ORDER BY tenant",
        {"batches": None if batches is None else list(batches), "check": promise.check_name, "sample": sample_rows},
    )
    tenants: dict[int, int] = {row["tenant"]: row["count"] for row in rows if row["count"]}
    sample = [entry for row in rows for entry in row["sample"]]
    accepted = sum(row["accepted"] for row in rows)
    more = promise.look(batches) if promise.look else []
    known = _accepted_keys(promise.check_name) if more else set()
    for row in more:
        if finding_key(row) in known:
            accepted += 1
            continue
        tenants[row["tenant"]] = tenants.get(row["tenant"], 0) + 1
        sample.append(row)
    return Seen(sum(tenants.values()), sample, tenants, int((monotonic() - started) * 1000), accepted)


def finding_key(row: Row) -> str:
    """The key of an offending row: MD5 of its tenant, batch, item and words, as KEY_SQL computes it."""
    text = "|".join(str(row[name]) if row[name] is not None else "" for name in ("tenant", "batch", "item", "what"))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _accepted_keys(check_name: str) -> set[str]:
    rows = run("SELECT key FROM accepted_finding WHERE check_name = %(check)s", {"check": check_name})
    return {row["key"] for row in rows}


def offending(check_name: str, tenant: int | None = None) -> int:
    """How many rows offend against a check by its name, of one tenant or (None) of all; 0 for a check that nobody
    declares any longer."""
    if check_name in REGISTRY:
        seen = look(REGISTRY[check_name])
        return seen.rows if tenant is None else seen.tenants.get(tenant, 0)
    family = check_name.partition(":")[0]
    return OTHERS[family](check_name) if family in OTHERS else 0


def sample_json(sample: Sequence[Any]) -> str:
    """The first rows of a sample as JSON text for a jsonb column."""
    return json.dumps(list(sample)[:SAMPLE_MAX_ROWS], default=str)
