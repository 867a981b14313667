"""`pilothouse incidents` and `pilothouse gates`: what is broken, who has it, and what is paused."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from pilothouse.kernel.base.errors import NotFound

from . import app
from .acting import ByOption, JsonOption, PaperOption, account, check_program, operating, whoami
from .tables import print_json, print_table, say

incidents_app = typer.Typer(no_args_is_help=True, help="Breaches and alarms, from their opening to their end.")
gates_app = typer.Typer(no_args_is_help=True, help="What is paused.")
app.add_typer(incidents_app, name="incidents")
app.add_typer(gates_app, name="gates")

IdArgument = Annotated[str, typer.Argument(help="The public id, such as inc_… or gat_….")]
TextArgument = Annotated[str, typer.Argument(help="Your words.")]
WHAT = "pilothouse incidents"
SHOWN = ("public_id", "severity", "state")


def _act(by: str, as_json: bool, verb: str, *args: Any, **options: Any) -> None:
    """One step of an incident; prints it as it stands then."""
    with operating(WHAT, by or whoami()):
        from pilothouse.kernel.watch import commands

        call: Callable[..., Any] = getattr(commands, verb)
        done = call(*args, **options)
    say({"ok": True, **{name: done[name] for name in SHOWN}}, as_json,
        f"{done['public_id']} is {done['severity']} and {done['state']}.")  # fmt: skip


def _print(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...], none: str) -> None:
    if as_json:
        print_json(rows)
    else:
        shown = [{name: "all" if row[name] is None else row[name] for name in columns} for row in rows]
        print_table(shown, {name: name for name in columns}, none)


@incidents_app.command("list")
def list_incidents(as_json: JsonOption = False) -> None:
    """The incidents that are not ended, the worst first."""
    with operating(WHAT):
        from pilothouse.kernel.watch.queries import open_incidents

        rows = open_incidents()
    _print(rows, as_json, ("severity", "public_id", "kind", "state", "owner", "title"), "No incident is open.")


@incidents_app.command()
def history(incident: IdArgument, as_json: JsonOption = False) -> None:
    """What happened to an incident, oldest first."""
    with operating(WHAT):
        from pilothouse.kernel.watch.queries import history as lines

        rows = lines(incident)
        if not rows:
            raise NotFound(what="incident")
    _print(rows, as_json, ("at", "actor", "type", "data"), "")


@incidents_app.command("post-mortem")
def post_mortem(
    incident: IdArgument,
    out: PaperOption = None,
    as_json: JsonOption = False,
) -> None:
    """The post-mortem of an incident, written by its own history."""
    with operating(WHAT):
        from pilothouse.kernel.base.clock import business_now
        from pilothouse.kernel.watch.postmortem import postmortem
        from pilothouse.ui.paper_files import as_bytes

        paper = postmortem(incident)
        if out is not None:
            out.write_bytes(as_bytes(paper, out.suffix[1:], business_now()))
    body = {
        "ok": True, "incident": incident, "body": paper.markdown, "inputs_sha256": paper.inputs_sha256,
        "file": str(out or ""),
    }  # fmt: skip
    say(body, as_json, f"{out}: inputs {paper.inputs_sha256}" if out else paper.markdown)


@incidents_app.command()
def acknowledge(incident: IdArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """Take an incident; from now on you owe its news."""
    _act(by, as_json, "acknowledge", incident)


@incidents_app.command()
def update(incident: IdArgument, news: TextArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """Write what is known now."""
    _act(by, as_json, "post_update", incident, news)


@incidents_app.command()
def promote(incident: IdArgument, why: TextArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """Make it a P0 and pause its scope: an invariant is truly violated."""
    _act(by, as_json, "promote", incident, why)


@incidents_app.command()
def mitigate(
    incident: IdArgument,
    paused: Annotated[str, typer.Option(help="What was paused, or why nothing had to be.")],
    logs: Annotated[str, typer.Option(help="What the logs say.")],
    verification: Annotated[str, typer.Option(help="What docs/guarantees.md says about it.")],
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """The harm has stopped; log the three steps."""
    _act(by, as_json, "mitigate", incident, paused=paused, logs=logs, verification=verification)


@incidents_app.command()
def cause(
    incident: IdArgument,
    text: TextArgument,
    evidence: Annotated[str, typer.Option(help="Where it can be seen.")] = "",
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write why it happened."""
    _act(by, as_json, "write_root_cause", incident, text, evidence)


@incidents_app.command()
def accept(incident: IdArgument, reason: TextArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """A second person accepts what the promise still finds in history, with how the harm was put right."""
    with operating(WHAT, by or whoami()):
        from pilothouse.kernel.watch.commands import accept_findings

        rows = accept_findings(incident, reason)
    say({"ok": True, "accepted": rows}, as_json, f"{rows} findings of {incident} are accepted.")


@incidents_app.command()
def resolve(incident: IdArgument, resolution: TextArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """End an incident; a P0 by a second person."""
    _act(by, as_json, "resolve", incident, resolution)


@incidents_app.command()
def dismiss(
    incident: IdArgument,
    reason: Annotated[str, typer.Argument(help="duplicate, expected, not_reproduced or rehearsed.")],
    note: TextArgument,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """A false alarm; its gates reopen."""
    _act(by, as_json, "dismiss", incident, reason, note)


@gates_app.command("list")
def list_gates(as_json: JsonOption = False) -> None:
    """What is paused."""
    with operating(WHAT):
        from pilothouse.kernel.watch.queries import all_closed_gates

        rows = all_closed_gates()
    _print(rows, as_json, ("public_id", "program", "tenant", "mode", "reason", "closed_by"), "Nothing is paused.")


@gates_app.command()
def close(
    program: Annotated[str, typer.Argument(help="The program, such as video.")],
    reason: Annotated[str, typer.Argument(help="What customers read.")],
    tenant: Annotated[str, typer.Option(help="The tenant's public id; everybody by default.")] = "",
    no_dispatch: Annotated[bool, typer.Option("--no-dispatch", help="Also send nothing further upstream.")] = False,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Pause a program."""
    with operating(WHAT, by or whoami()):
        from pilothouse.kernel.watch.gates import close_gate

        check_program(program)
        key = account(tenant).id if tenant else None
        gate = close_gate(program, reason, mode="no_dispatch" if no_dispatch else "no_new", tenant=key)
    say({"ok": True, "gate": gate["public_id"], "state": "closed"}, as_json, f"{gate['public_id']} is closed.")


@gates_app.command()
def reopen(gate: IdArgument, by: ByOption = "", as_json: JsonOption = False) -> None:
    """Let work go on; a P0's gate only with a written root cause and a green check."""
    with operating(WHAT, by or whoami()):
        from pilothouse.kernel.watch.gates import reopen_gate

        reopen_gate(gate)
    say({"ok": True, "gate": gate, "state": "open"}, as_json, f"{gate} is open.")
