"""`pilothouse rollback` and `resume`: stop a pilot's new work with an export and a notice, and let it go on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import app
from .acting import ByOption, JsonOption, account, check_piloted, read_text, whoami
from .database import database_up
from .tables import print_json


@app.command()
def rollback(
    what: Annotated[str, typer.Argument(help="A program such as deals, or one account that it runs in (ten_…).")],
    reason: Annotated[str, typer.Option(help="Why; operators read it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    subject: Annotated[str, typer.Option(help="The notice's subject; the draft's by default.")] = "",
    notice: Annotated[Path | None, typer.Option(help="A file with the notice as you edited it.", exists=True)] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the notice now; else it waits as a draft.")] = False,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop new work, export all timelines and ledger rows with hashes, and draft or send the notice. Safe to run again.

    What is open goes on: nothing is cancelled and every timer runs.
    """
    with database_up():
        done = [
            _dry(program, tenant) if dry_run else _run(program, tenant, by or whoami(), reason, subject, notice, send)
            for program, tenant in _targets(what)
        ]
    _print(done, as_json)


@app.command()
def resume(
    what: Annotated[str, typer.Argument(help="A rollback (rbk_…), a program, or an account (ten_…).")],
    subject: Annotated[str, typer.Option(help="The notice's subject; the draft's by default.")] = "",
    notice: Annotated[Path | None, typer.Option(help="A file with the notice.", exists=True)] = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let new work go on, and tell everybody who was told of the stop."""
    with database_up():
        from pilothouse.kernel.base.errors import NotFound
        from pilothouse.kernel.base.scope import ops_scope, tenant_scope
        from pilothouse.pilots import rollback as rollbacks
        from pilothouse.pilots.models import Rollback
        from pilothouse.pilots.rollback_pilots import resume_pilots

        targets = [] if what.startswith("rbk_") else _targets(what)
        with ops_scope(by or whoami(), "resume"):
            if what.startswith("rbk_"):
                stopped = [rollbacks.access_rollback(what)]
            else:
                keys = [(program, tenant.id) for program, tenant in targets]
                still = Rollback.objects.exclude(state="resumed").select_related("tenant").order_by("id")
                stopped = [one for one in still if (one.program, one.tenant_id) in keys]
        if not stopped:
            raise NotFound(what="open rollback")
        done = []
        for one in stopped:
            with ops_scope(by or whoami(), "resume"):
                resume_pilots(one.program, one.tenant_id)
            with tenant_scope(one.tenant_id, by or whoami()):
                found = rollbacks.resume(one.public_id, subject, read_text(notice) if notice else "")
                done.append(_told(found, rollbacks.receipts(found)))
    _print(done, as_json)


def _targets(what: str) -> list[tuple[str, Any]]:
    """The (program, tenant) pairs that a program or an account stands for."""
    from pilothouse.kernel.base.errors import Conflict
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.watch.pilot_facts import facts_of, piloted

    with worker_scope("cli"):
        if what.startswith("ten_"):
            account(what)
        else:
            check_piloted(what)
        chosen = piloted() if what.startswith("ten_") else [facts_of(what)]
        tenants = {facts.program: facts.tenants() for facts in chosen}
        rows = Tenant.objects.in_bulk(sorted({one for ids in tenants.values() for one in ids}))
        found = [
            (program, rows[key])
            for program, ids in tenants.items()
            for key in ids
            if not what.startswith("ten_") or rows[key].public_id == what
        ]
    if not found:
        raise Conflict(reason=f"{what} has no work that a rollback could stop.")
    return found


def _dry(program: str, tenant: Any) -> dict[str, Any]:
    from pilothouse.kernel.base.scope import tenant_scope
    from pilothouse.pilots import rollback as rollbacks

    with tenant_scope(tenant.id, "cli"):
        return {"dry_run": True, **rollbacks.plan(program, tenant)}


def _run(
    program: str, tenant: Any, by: str, reason: str, subject: str, notice: Path | None, send: bool
) -> dict[str, Any]:
    """Stop, export, edit and send: one transaction each, so that a kill between them loses nothing."""
    from pilothouse.kernel.base.scope import ops_scope, tenant_scope
    from pilothouse.pilots import rollback as rollbacks
    from pilothouse.pilots.rollback_pilots import pause_pilots

    with tenant_scope(tenant.id, by):
        found = rollbacks.stop(program, tenant, reason)
    with ops_scope(by, "rollback"):
        pause_pilots(program, tenant.id)
    with tenant_scope(tenant.id, by):
        found = rollbacks.export(found.public_id)
    if (notice or subject) and found.state == "exported":
        with tenant_scope(tenant.id, by):
            words = read_text(notice) if notice else found.words
            found = rollbacks.edit_notice(found.public_id, subject or found.subject, words)
    with tenant_scope(tenant.id, by):
        if send:
            found = rollbacks.tell(found.public_id)
        return _told(found, rollbacks.receipts(found))


def _told(found: Any, receipts: list[dict[str, Any]]) -> dict[str, Any]:
    from pilothouse.pilots.rollback import export_folder

    return {
        "rollback": found.public_id,
        "program": found.program,
        "tenant": found.tenant.public_id,
        "tenant_name": found.tenant.name,
        "state": found.state,
        "export": {"folder": str(export_folder(found)), **found.export} if found.export else None,
        "notice": {"subject": found.subject, "words": found.words},
        "receipts": [{"email": one["email"], "about": one["about"], "mail": one["state"]} for one in receipts],
    }


def _print(done: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    for one in done:
        if one.get("dry_run"):
            typer.echo(
                f"{one['tenant_name']}: new {one['program']} would be refused; {one['open']} open go on with "
                f"{one['timers']} timers; {one['people']} people would be told:\n\n{one['subject']}\n\n{one['words']}"
            )
            continue
        typer.echo(f"{one['rollback']} {one['tenant_name']} {one['program']}: {one['state']}")
        for file in (one["export"] or {}).get("files", []):
            typer.echo(f"  {file['sha256']}  {file['file']} ({file['rows']} rows)")
        if one["export"]:
            typer.echo(f"  {one['export']['sha256']}  manifest.json\n  in {one['export']['folder']}")
        people = {receipt["email"] for receipt in one["receipts"]}
        typer.echo(
            f"  {len(people)} people told, {len(one['receipts'])} mails"
            if people
            else "  Nobody was told yet: --send sends."
        )
