"""The guards of `pilothouse check`: what must be so around the data, each with one sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.catalogue import differences
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, run
from pilothouse.kernel.ledger.errors import HeadsUnreadable
from pilothouse.kernel.ledger.limits import SEAL_HEADS_EVERY_S
from pilothouse.kernel.ledger.sealing import head_folder, newest_heads, verify
from pilothouse.kernel.watch.limits import HEARTBEAT_FRESH_S, UNSEALED_MAX_S
from pilothouse.kernel.watch.processes import oldest_unsealed, running_processes, worker_up_s
from pilothouse.kernel.watch.promises import watch_for_stuck
from pilothouse.kernel.watch.queries import heartbeat_age

from .health import CLOCK_SQL, clock_is_known
from .heartbeat import settings_report
from .migrate import schema_hash

NAMED_DIFFERENCES_COUNT = 5


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that must be so around the data: a name, whether it is, and one sentence."""

    name: str
    ok: bool
    sentence: str


def guards(expect_workers: bool) -> Iterator[Guard]:
    """Every guard, in the order in which they are shown; `expect_workers` says that this house should be running."""
    with worker_scope("check"):
        changed = differences()
        (house,) = run("SELECT kind, schema_hash FROM house")
        clock_rows = run(CLOCK_SQL)
        processes = running_processes()
        age, up_s = heartbeat_age(), worker_up_s()
        unsealed_s, any_sealed = oldest_unsealed()
        newest = newest_heads(head_folder())
    stuck = watch_for_stuck()
    yield Guard("schema", house["schema_hash"] == schema_hash(), "The database has this version's shape.")
    yield _catalogue(changed)
    yield _seals()
    yield _unsealed(unsealed_s, up_s)
    yield _heads(newest, any_sealed, up_s)
    yield Guard(
        "never_stuck",
        not stuck,
        f"{len(stuck)} subjects wait for nothing: {stuck[0]['kind']} {stuck[0]['id']} is {stuck[0]['state']}."
        if stuck
        else "Everything that is open has something that moves it on.",
    )
    known = bool(clock_rows) and clock_is_known(clock_rows[0]["array"])
    yield Guard("clock", known, "Business time is the database's own." if known else "base.clock_now() was replaced.")
    yield _workers(age, expect_workers)
    yield _versions(processes, house["schema_hash"])
    yield from production_guards(house["kind"], processes)


def _catalogue(changed: Sequence[str]) -> Guard:
    if not changed:
        return Guard("catalogue", True, "Every wall is the declared one, and what was installed.")
    left = len(changed) - NAMED_DIFFERENCES_COUNT
    more = f" And {left} more." if left > 0 else ""
    return Guard("catalogue", False, " ".join(changed[:NAMED_DIFFERENCES_COUNT]) + more)


def _seals() -> Guard:
    try:
        broken = verify()
    except HeadsUnreadable as error:
        return Guard("seals", False, str(error))
    if broken:
        return Guard("seals", False, f"{len(broken)} sealed blocks are broken, first: {broken[0]}.")
    return Guard("seals", True, "Every sealed block hashes to what was sealed, and to the exported heads.")


def _judged(up_s: float | None) -> bool:
    """Whether a worker has been up for long enough to have sealed what it found."""
    return up_s is not None and up_s > UNSEALED_MAX_S


def _unsealed(age_s: float | None, up_s: float | None) -> Guard:
    if not _judged(up_s):
        return Guard("unsealed", True, "No worker has run for long, so the newest rows need not be sealed yet.")
    if age_s is None or age_s <= UNSEALED_MAX_S:
        return Guard("unsealed", True, f"Everything older than {UNSEALED_MAX_S} s is sealed.")
    return Guard("unsealed", False, f"The oldest row that no seal holds is {age_s:.0f} s old; workers run.")


def _heads(newest: Path | None, any_sealed: bool, up_s: float | None) -> Guard:
    if not (_judged(up_s) and any_sealed):
        return Guard("seal_heads", True, "No worker has sealed for long, so no exported head is due.")
    if newest is None:
        return Guard("seal_heads", False, "There are seals, and no head of them was exported to where this looks.")
    age_s = clock.now().timestamp() - newest.stat().st_mtime
    limit = 2 * SEAL_HEADS_EVERY_S
    return Guard("seal_heads", age_s <= limit, f"The newest exported head is {age_s:.0f} s old; {limit} s are allowed.")


def _workers(age_s: float | None, expected: bool) -> Guard:
    if not expected:
        return Guard("workers", True, "The house is not running, so no worker is expected.")
    if age_s is None:
        return Guard("workers", False, "No worker has ever been heard of.")
    return Guard("workers", age_s <= HEARTBEAT_FRESH_S, f"The freshest worker was heard of {age_s:.0f} s ago.")


def _versions(processes: Sequence[Row], shape: str) -> Guard:
    others = _named([process for process in processes if process["report"].get("schema") != shape])
    if others:
        return Guard("processes", False, f"{others} does not run the version that the database has: restart it.")
    return Guard("processes", True, f"{len(processes)} running processes have the database's version.")


def production_guards(kind_of_database: str, processes: Sequence[Row]) -> Iterator[Guard]:
    """What must not be so where real customers are, by what the running processes reported of themselves.

    When none runs, this command's own settings stand for what would be started. Elsewhere than in production each is
    allowed, and says so.
    """
    judged = list(processes) or [{"kind": "this", "name": "command", "report": settings_report()}]
    production = "production" in (kind_of_database, *(process["report"].get("house_kind") for process in judged))
    allowed = "" if production else " This is no production house."
    local, debug, mail, weak = (
        _where(judged, what) for what in ("webhook_allow_local", "debug", "mail_stays", "weak_secrets")
    )
    yield Guard(
        "webhook_addresses",
        not (production and local),
        f"WEBHOOK_ALLOW_LOCAL is on in {_named(local)}: webhooks may reach this machine and its network.{allowed}"
        if local
        else "Webhooks reach public HTTPS addresses only.",
    )
    yield Guard(
        "debug",
        not (production and debug),
        f"DEBUG is on in {_named(debug)}: errors show the code to everybody.{allowed}"
        if debug
        else "Errors show no code.",
    )
    yield Guard(
        "mail",
        not (production and mail),
        f"EMAIL_URL of {_named(mail)} is empty: mail is written to files and reaches nobody.{allowed}"
        if mail
        else "Mail is sent.",
    )
    names = " and ".join(sorted({name for process in weak for name in process["report"]["weak_secrets"]}))
    yield Guard(
        "secrets",
        not (production and weak),
        f"{names} of {_named(weak)} came from a sample or can be guessed.{allowed}"
        if weak
        else "No secret is a sample's.",
    )


def _where(processes: Sequence[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [process for process in processes if process["report"].get(what)]


def _named(processes: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{process['kind']} {process['name']}" for process in processes)
