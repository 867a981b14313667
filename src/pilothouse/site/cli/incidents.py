"""`pilothouse incidents` and `pilothouse gates`: what is broken, who has it, and what is paused."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from . import app, setup
from .database import database_up
from .tables import print_json, print_table

incidents_app = typer.Typer(no_args_is_help=True, help="Breaches and alarms, from their opening to their end.")
gates_app = typer.Typer(no_args_is_help=True, help="What is paused.")
app.add_typer(incidents_app, name="incidents")
app.add_typer(gates_app, name="gates")

EXIT_REFUSED = 1
IdArgument = Annotated[str, typer.Argument(help="The public id, such as inc_… or gat_….")]
ByOption = Annotated[str, typer.Option("--by", help="Who acts; the history keeps the name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TextArgument = Annotated[str, typer.Argument(help="Your words.")]


@contextmanager
def _operator(by: str) -> Iterator[None]:
    """The operator's scope on the database; a refusal is one sentence and exit 1."""
    with database_up():
        setup()
        from pilothouse.kernel.base.errors import PilothouseError
        from pilothouse.kernel.base.scope import ops_scope

        try:
            with ops_scope(by or getpass.getuser()):
                yield
        except PilothouseError as refused:
            typer.echo(str(refused), err=True)
            raise typer.Exit(EXIT_REFUSED) from None


def _act(by: str, verb: str, *args: Any, **options: Any) -> None:
    with _operator(by):
        from pilothouse.kernel.watch import commands

        call: Callable[..., Any] = getattr(commands, verb)
        done = call(*args, **options)
        line = (
            f"{done['public_id']} is {done['severity']} and {done['state']}."
            if isinstance(done, dict)
            else f"{done} rows."
        )
    typer.echo(line)


def _print(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...], none: str) -> None:
    if as_json:
        print_json(rows)
    else:
        shown = [{name: "all" if row[name] is None else row[name] for name in columns} for row in rows]
        print_table(shown, {name: name for name in columns}, none)


@incidents_app.command("list")
def list_incidents(as_json: JsonOption = False) -> None:
    """The incidents that are not ended, the worst first."""
    with _operator(""):
        from pilothouse.kernel.watch.queries import open_incidents

        rows = open_incidents()
    _print(rows, as_json, ("severity", "public_id", "kind", "state", "owner", "title"), "No incident is open.")


@incidents_app.command()
def history(incident: IdArgument, as_json: JsonOption = False) -> None:
    """What happened to an incident, oldest first."""
    with _operator(""):
        from pilothouse.kernel.watch.queries import history as lines

        rows = lines(incident)
    _print(rows, as_json, ("at", "actor", "type", "data"), "There is no such incident.")


@incidents_app.command("post-mortem")
def post_mortem(
    incident: IdArgument,
    out: Annotated[Path | None, typer.Option(help="A file that ends in .md or .pdf; printed otherwise.")] = None,
) -> None:
    """The post-mortem of an incident, written by its own history."""
    if out is not None and out.suffix not in (".md", ".pdf"):
        raise typer.BadParameter("--out ends in .md or .pdf.")
    with _operator(""):
        from pilothouse.kernel.base.clock import business_now
        from pilothouse.kernel.watch.postmortem import postmortem
        from pilothouse.ui.paper_files import as_bytes

        paper = postmortem(incident)
        if out is None:
            typer.echo(paper.markdown)
        else:
            out.write_bytes(as_bytes(paper, out.suffix[1:], business_now()))
            typer.echo(f"{out}: inputs {paper.inputs_sha256}")


@incidents_app.command()
def acknowledge(incident: IdArgument, by: ByOption = "") -> None:
    """Take an incident; from now on you owe its news."""
    _act(by, "acknowledge", incident)


@incidents_app.command()
def update(incident: IdArgument, news: TextArgument, by: ByOption = "") -> None:
    """Write what is known now."""
    _act(by, "post_update", incident, news)


@incidents_app.command()
def promote(incident: IdArgument, why: TextArgument, by: ByOption = "") -> None:
    """Make it a P0 and pause its scope: an invariant is truly violated."""
    _act(by, "promote", incident, why)


@incidents_app.command()
def mitigate(
    incident: IdArgument,
    paused: Annotated[str, typer.Option(help="What was paused, or why nothing had to be.")],
    logs: Annotated[str, typer.Option(help="What the logs say.")],
    verification: Annotated[str, typer.Option(help="What docs/guarantees.md says about it.")],
    by: ByOption = "",
) -> None:
    """The harm has stopped; log the three steps."""
    _act(by, "mitigate", incident, paused=paused, logs=logs, verification=verification)


@incidents_app.command()
def cause(
    incident: IdArgument,
    text: TextArgument,
    evidence: Annotated[str, typer.Option(help="Where it can be seen.")] = "",
    by: ByOption = "",
) -> None:
    """Write why it happened."""
    _act(by, "write_root_cause", incident, text, evidence)


@incidents_app.command()
def accept(incident: IdArgument, reason: TextArgument, by: ByOption = "") -> None:
    """A second person accepts what the promise still finds in history, with how the harm was put right."""
    _act(by, "accept_findings", incident, reason)


@incidents_app.command()
def resolve(incident: IdArgument, resolution: TextArgument, by: ByOption = "") -> None:
    """End an incident; a P0 by a second person."""
    _act(by, "resolve", incident, resolution)


@incidents_app.command()
def dismiss(
    incident: IdArgument,
    reason: Annotated[str, typer.Argument(help="duplicate, expected, not_reproduced or rehearsed.")],
    note: TextArgument,
    by: ByOption = "",
) -> None:
    """A false alarm; its gates reopen."""
    _act(by, "dismiss", incident, reason, note)


@gates_app.command("list")
def list_gates(as_json: JsonOption = False) -> None:
    """What is paused."""
    with _operator(""):
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
) -> None:
    """Pause a program."""
    with _operator(by):
        from pilothouse.kernel.base.errors import NotFound
        from pilothouse.kernel.base.models import Tenant
        from pilothouse.kernel.watch.gates import close_gate
        from pilothouse.site.programs import load_programs

        key = Tenant.objects.filter(public_id=tenant).values_list("id", flat=True).first() if tenant else None
        if program not in load_programs():
            raise NotFound(what="program")
        if tenant and key is None:
            raise NotFound(what="tenant")
        gate = close_gate(program, reason, mode="no_dispatch" if no_dispatch else "no_new", tenant=key)
    typer.echo(f"{gate['public_id']} is closed.")


@gates_app.command()
def reopen(gate: IdArgument, by: ByOption = "") -> None:
    """Let work go on; a P0's gate only with a written root cause and a green check."""
    with _operator(by):
        from pilothouse.kernel.watch.gates import reopen_gate

        reopen_gate(gate)
    typer.echo(f"{gate} is open.")
