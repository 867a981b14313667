"""`pilothouse pilot …`: pilots from the first call to the signed verdict, with the rules of the desk."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from . import app
from .acting import AsOption, JsonOption, TenantArgument, account, acting_scope, check_program, operator_id
from .refusals import EXIT_REFUSED
from .tables import print_json, print_table, say

pilot_app = typer.Typer(no_args_is_help=True, help="Pilots: qualify, prepare, activate, watch, judge, end.")
app.add_typer(pilot_app, name="pilot")

PilotArgument = Annotated[str, typer.Argument(help="The pilot's id, for example pil_01k….")]
NoteOption = Annotated[str, typer.Option(help="A note.")]
LineArgument = Annotated[str, typer.Argument(help="The line's id in the runbook.")]


def _step(operator: str, as_json: bool, step: Callable[[], Any]) -> None:
    """One step; prints the pilot as it stands then."""
    with acting_scope(operator):
        from pilothouse.pilots.pilot_json import summary

        pilot = step()
        body = summary(pilot)
    say({"ok": True, **body}, as_json, f"{pilot.public_id} ({pilot.company}) is {pilot.state}.")


@pilot_app.command("list")
def list_pilots(
    state: Annotated[str, typer.Option(help="Only pilots in this state.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Every pilot, the newest first, with its phase and what is due."""
    with acting_scope(""):
        from pilothouse.kernel.base.clock import iso
        from pilothouse.kernel.base.errors import InvalidInput
        from pilothouse.pilots.lifecycle import PILOT
        from pilothouse.pilots.limits import OPEN_PILOTS_MAX_ROWS
        from pilothouse.pilots.pilot_reads import pilots

        if state and state not in PILOT.states:
            raise InvalidInput(reason=f"A pilot is {', '.join(PILOT.states)}, not {state!r}.")
        rows = pilots(states=(state,) if state else (), count=OPEN_PILOTS_MAX_ROWS)
        names = ("pilot", "company", "program", "state", "phase", "due")
        shown = [
            {**row, "pilot": row["public_id"], "due": iso(at) if (at := row["due_at"] or row["timer_at"]) else ""}
            for row in rows
        ]
        rows = [{name: row[name] for name in names} for row in shown]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, {name: name for name in names}, "There is no pilot.")


@pilot_app.command()
def show(pilot: PilotArgument, as_json: JsonOption = False) -> None:
    """One pilot: phases, lines with what ticked them, criteria with their values, and the verdict now."""
    with acting_scope(""):
        from pilothouse.pilots.pilot_json import as_json as told
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.pilots.verdicts import computed

        body = told(*computed(access_pilot(pilot)))
    if as_json:
        print_json(body)
        return
    typer.echo(f"{body['company']}: {body['state']}, attempt {body['attempt']}, phase {body['phase']}")
    marks = {"done": "✓", "no": "✗", "na": "–", "open": "·", "waiting": "·"}
    for phase in body["phases"]:
        typer.echo(f"\n{phase['number']} {phase['title']} ({phase['days']})")
        for line in phase["lines"]:
            typer.echo(f"  {marks[line['state']]} {line['text']}" + (f"  [{line['by']}]" if line["by"] else ""))
    typer.echo("")
    for each in body["criteria"]:
        typer.echo(f"{each['verdict']:>13}  {each['title']}: {each['sentence']} (target {each['target']})")
    for each in body.get("parity", {}).get("proofs", ()):
        accepted = body["parity"]["accepted"] or {}
        by = f", accepted by {accepted['by']}" if accepted.get("proof") == each["public_id"] else ", not accepted"
        typer.echo(f"{each['state']:>13}  Proof of parity {each['public_id']}{by}")
    now = body["verdict_now"]
    typer.echo(f"\nVerdict now: {now['state']}" + (f"; {now['blocked']}" if now["blocked"] else ""))


@pilot_app.command()
def create(
    tenant: TenantArgument,
    program: Annotated[str, typer.Argument(help="The program, for example video.")],
    company: Annotated[str, typer.Option(help="The company; the account's name otherwise.")] = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Begin with a prospect, pinned to the runbook in force."""

    check_program(program)

    def step() -> Any:
        from pilothouse.pilots.running import create_pilot

        found = account(tenant)
        return create_pilot(found.id, program, company or found.name)

    _step(operator, as_json, step)


@pilot_app.command()
def qualify(
    pilot: PilotArgument,
    contact: Annotated[str, typer.Option(help="The technical contact's name.")],
    email: Annotated[str, typer.Option(help="Their mail address.")],
    batches: Annotated[int, typer.Option(help="Batches that the pilot needs.")] = 3,
    items: Annotated[int, typer.Option(help="Items of each.")] = 10,
    budget: Annotated[int, typer.Option(help="Budget in US dollars.")] = 500,
    no: Annotated[list[str] | None, typer.Option(help="An accept line that is not met; may be repeated.")] = None,
    yes: Annotated[list[str] | None, typer.Option(help="A reject line that is true; may be repeated.")] = None,
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Answer the qualification: every accept line is met and no reject line true, but for those that you name."""

    def step() -> Any:
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.pilots.runbook import pinned
        from pilothouse.pilots.running import qualify as answer

        runbook = pinned(access_pilot(pilot).runbook_hash)
        answers = {line.id: line.id not in (no or ()) for line in runbook.group("accept")}
        answers |= {line.id: line.id in (yes or ()) for line in runbook.group("reject")}
        form = {
            "contact_name": contact, "contact_email": email, "batches": batches, "items": items, "budget_usd": budget,
        }  # fmt: skip
        return answer(pilot, answers, form)

    _step(operator, as_json, step)


@pilot_app.command()
def tick(
    pilot: PilotArgument,
    line: LineArgument,
    no: Annotated[bool, typer.Option("--no", help="Say no instead of yes.")] = False,
    not_applicable: Annotated[str, typer.Option(help="It does not apply: why.")] = "",
    evidence: Annotated[str, typer.Option(help="What shows it: an address or a sentence.")] = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Attest one of our own lines; a machine's line is ticked by facts alone, the customer's by the customer."""

    def step() -> Any:
        from pilothouse.pilots.attestations import attest_ours
        from pilothouse.pilots.pilot_reads import access_pilot

        attest_ours(pilot, line, not no, note=not_applicable, evidence=evidence, applicable=not not_applicable)
        return access_pilot(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def lock(pilot: PilotArgument, operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Lock the expectations of a pilot whose runbook leaves them to us; the customer's are locked by the customer."""

    def step() -> Any:
        from pilothouse.pilots.attestations import lock_expectations

        return lock_expectations(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def prepare(pilot: PilotArgument, operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Begin the preparation."""

    def step() -> Any:
        from pilothouse.pilots.running import prepare as begin

        return begin(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def drill(pilot: PilotArgument, operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Try the rollback on the pilot's account: creation stops, and opens again."""
    with acting_scope(operator):
        from pilothouse.pilots.activation import drill_rollback

        told = drill_rollback(pilot)
    say(told, as_json, "\n".join(f"{'✓' if each['ok'] else '✗'} {each['step']}" for each in told["steps"]))
    if not told["ok"]:
        raise typer.Exit(EXIT_REFUSED)


@pilot_app.command()
def activate(
    pilot: PilotArgument,
    operator: Annotated[str, typer.Option("--as", help="The operator who grants the credits: their e-mail address.")],
    confirm_small: Annotated[
        bool, typer.Option("--confirm-small", help="Grant less than two smallest batches.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Grant the credits, make the one-time link to the key and start the clock; refused until all is prepared."""
    with acting_scope(operator):
        from pilothouse.pilots.activation import activate as begin
        from pilothouse.pilots.pilot_json import summary

        done = begin(pilot, operator_id(operator), confirm_small=confirm_small)
        body = {"ok": True, **summary(done.pilot), "outcome": done.state, "key_link": done.key_link}
        waits = "The grant waits for a second operator; run this again when it is approved."
        begun = f"{pilot} is active. The key, once: {done.key_link or 'none for this program'}"
    say(body, as_json, waits if done.state == "waiting" else begun)


@pilot_app.command()
def pause(
    pilot: PilotArgument,
    note: Annotated[str, typer.Argument(help="Why; the customer reads it.")],
    reason: Annotated[str, typer.Option(help="operator, customer or rollback.")] = "operator",
    hard: Annotated[bool, typer.Option("--no-dispatch", help="Also send nothing further upstream.")] = False,
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close the gate over the pilot's account."""

    def step() -> Any:
        from pilothouse.pilots.pausing import pause as stop

        mode: Literal["no_dispatch", "no_new"] = "no_dispatch" if hard else "no_new"
        return stop(pilot, reason, note, mode=mode)

    _step(operator, as_json, step)


@pilot_app.command()
def resume(pilot: PilotArgument, operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Reopen the gates; a P0 needs its written root cause and a green check first."""

    def step() -> Any:
        from pilothouse.pilots.pausing import resume as go_on

        return go_on(pilot)

    _step(operator, as_json, step)


@pilot_app.command("give-up")
def give_up(pilot: PilotArgument, note: NoteOption = "", operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Stop waiting for a paused pilot: it goes to review."""

    def step() -> Any:
        from pilothouse.pilots.pausing import give_up as stop

        return stop(pilot, note)

    _step(operator, as_json, step)


@pilot_app.command()
def signal(
    pilot: PilotArgument,
    kind: Annotated[str, typer.Argument(help="concurrency, webhook_event, sla_contract, parity_question or other.")],
    quote: Annotated[str, typer.Argument(help="What they said, word for word.")],
    person: Annotated[str, typer.Option(help="Who said it.")],
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record what somebody of the customer said; it is never initiated."""

    def step() -> Any:
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.pilots.verdicts import record_signal

        record_signal(pilot, kind, quote, person)
        return access_pilot(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def verdict(
    pilot: PilotArgument,
    sign: Annotated[str, typer.Option(help="Sign it: succeeded, failed or inconclusive, as it is computed.")] = "",
    recommendation: Annotated[str, typer.Option(help="Continue, Pause or Close.")] = "",
    note: NoteOption = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """The verdict as the facts give it now; with --sign a person signs it."""
    if sign and not operator:
        raise typer.BadParameter("Name the person who signs with --as.")
    with acting_scope(operator):
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.pilots.verdicts import computed, findings, sign_verdict

        if sign:
            sign_verdict(pilot, sign, recommendation, note)
        row = access_pilot(pilot)
        body = row.findings if row.verdict else findings(*computed(row))
        lines = [f"{each['verdict']:>13}  {each['title']}: {each['sentence']}" for each in body["criteria"]]
        head = f"{row.verdict} (signed by {row.verdict_by})" if row.verdict else f"{body['state']} (not signed)"
    say({"ok": True, "signed_by": row.verdict_by, **body}, as_json, "\n".join([head, *lines]))


@pilot_app.command()
def fix(
    pilot: PilotArgument,
    side: Annotated[str, typer.Argument(help="Who can mend it: ours, theirs or none.")],
    cause: Annotated[str, typer.Argument(help="What went wrong.")],
    change: Annotated[str, typer.Option(help="What was changed; it then counts as mended.")] = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record why an attempt did not succeed, and what was done about it."""

    def step() -> Any:
        from pilothouse.pilots.pilot_reads import access_pilot
        from pilothouse.pilots.verdicts import close_fix, record_fix

        row = record_fix(pilot, side, cause)
        if change:
            close_fix(row.public_id, change)
        return access_pilot(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def retry(pilot: PilotArgument, operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Try again after a failed or inconclusive attempt whose cause is mended."""

    def step() -> Any:
        from pilothouse.pilots.verdicts import retry as again

        return again(pilot)

    _step(operator, as_json, step)


@pilot_app.command()
def close(
    pilot: PilotArgument,
    recommendation: Annotated[str, typer.Argument(help="Continue, Pause or Close: what becomes of the key.")],
    note: NoteOption = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a judged pilot; the wallet stays."""

    def step() -> Any:
        from pilothouse.pilots.verdicts import close as end

        return end(pilot, recommendation, note)

    _step(operator, as_json, step)


@pilot_app.command()
def abandon(
    pilot: PilotArgument,
    reason: Annotated[str, typer.Argument(help="no_response, not_ready or withdrawn.")],
    note: NoteOption = "",
    operator: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a pilot that never ran."""

    def step() -> Any:
        from pilothouse.pilots.running import abandon as end

        return end(pilot, reason, note)

    _step(operator, as_json, step)


@pilot_app.command()
def upgrade(pilot: PilotArgument, note: NoteOption = "", operator: AsOption = "", as_json: JsonOption = False) -> None:
    """Move to Enterprise on a recorded question about a contract; the pilot's key dies in seven days."""
    with acting_scope(operator):
        from pilothouse.pilots.pilot_json import summary
        from pilothouse.pilots.verdicts import upgrade as move

        row, link = move(pilot, note)
        body = {"ok": True, **summary(row), "key_link": link}
    say(body, as_json, f"{pilot} is enterprise. The key, once: {link}")
