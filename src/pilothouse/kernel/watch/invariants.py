"""Runs the invariants of the ledger and of the programs; one that is broken is a P0 over every program."""

from time import monotonic
from typing import Any

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger.invariants import run_invariants

from .checks import INVARIANT_FOLDERS, Seen
from .commands import open_incident
from .promises import known_programs, record_all


def run_all() -> list[dict[str, Any]]:
    """Run every invariant in one transaction of the worker; see `run_all_here`."""
    with worker_scope("check"):
        return run_all_here()


def run_all_here() -> list[dict[str, Any]]:
    """Run every invariant in the open scope, the worker's or an operator's, and remember the runs.

    Each that is broken opens `data_integrity`. Returns one {"name", "title", "rows", "sample"} each. Money that does
    not add up concerns everybody, so a breach stops dispatch in every program that declares promises.
    """
    started = monotonic()
    results = run_invariants(INVARIANT_FOLDERS)
    ms = int((monotonic() - started) * 1000)
    each_ms = ms // max(1, len(results))
    record_all([(f"invariant:{each['name']}", "", Seen(each["rows"], each["sample"], {}, each_ms)) for each in results])
    for result in results:
        if result["rows"]:
            open_incident(
                "data_integrity",
                f"Invariant {result['name']}: {result['rows']} rows. {result['title']}",
                severity="P0",
                subject=result["name"],
                check_name=f"invariant:{result['name']}",
                sample=result["sample"],
                gate_programs=known_programs(),
            )
    return results
