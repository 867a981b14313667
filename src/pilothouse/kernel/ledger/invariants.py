"""What must hold in the ledger at any instant: SQL files, each of which returns the rows that offend.

A file is `sql/invariants/NN_name.sql`; its first line is a comment with its title. `NN` is the number in the list of
sixteen of docs/guarantees.md; the files of a program count on with the same numbers. Numbers 11, 12 and 16 do not
apply: no escrow, invoice or closed period is stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.sql import Statements, run

from .limits import INVARIANT_SAMPLE_MAX_ROWS

FOLDER = Statements(__file__, "sql/invariants")


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule: its name, its title in one sentence, and the query for the rows that break it."""

    name: str
    title: str
    sql: str


def read_invariants(folders: Iterable[Statements]) -> list[Invariant]:
    """The invariants of some folders, by name; a program's follow those of the ledger with the same number."""
    found = []
    for folder in folders:
        for name in folder.names():
            text = folder.text(name)
            found.append(Invariant(name, text.splitlines()[0].removeprefix("-- "), text))
    return sorted(found, key=lambda invariant: invariant.name)


def run_invariants(folders: Sequence[Statements] = ()) -> list[dict[str, Any]]:
    """Run the ledger's invariants and those of `folders` in the open scope, which must see all tenants.

    One {"name", "title", "rows", "sample"} each: the number of offending rows and the first few of them.
    """
    return [_run(invariant) for invariant in read_invariants([FOLDER, *folders])]


def _run(invariant: Invariant) -> dict[str, Any]:
    rows = run(
        f"WITH offending AS MATERIALIZED (\n{invariant.sql}\n) SELECT (SELECT count(*) FROM offending) AS rows, "
        "(SELECT coalesce(jsonb_agg(o), '[]'::jsonb) FROM "
        f"(SELECT * FROM offending LIMIT {INVARIANT_SAMPLE_MAX_ROWS}) o) AS sample"
    )
    return {"name": invariant.name, "title": invariant.title, **rows[0]}
