"""`pilothouse export` and `pilothouse verify`: a pilot's numbers for somebody who does not trust them."""

from pathlib import Path
from typing import Annotated

import typer

from . import app
from .acting import JsonOption, actor
from .database import database_up
from .refusals import EXIT_REFUSED
from .tables import print_json


@app.command()
def export(
    pilot: Annotated[str, typer.Argument(help="The pilot's id, as pil_….")],
    out: Annotated[Path, typer.Option(help="A new or empty folder.")],
    reader: Annotated[str, typer.Option("--for", help="ours, or customer: internal events stand as hashes.")] = "ours",
    as_json: JsonOption = False,
) -> None:
    """Write a pilot's ledger, timeline, seals and criteria to a folder, with verify.py to check them offline."""
    with database_up():
        from pilothouse.pilots.export import READERS, export_pilot

        if reader not in READERS:
            raise typer.BadParameter(f"--for is one of {', '.join(READERS)}.")
        report = export_pilot(pilot, out, actor(), reader=reader)
    if as_json:
        print_json(report)
        return
    typer.echo(f"{len(report['files'])} files in {out}. The facts say: {report['state']}.")
    for stream, head in report["heads"].items():
        typer.echo(f"  {stream} head  {head or '(nothing yet)'}")
    typer.echo(f"Check them anywhere with  python {out / 'verify.py'}")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of an export.")],
    head: Annotated[list[str] | None, typer.Option(help="A seal that you were given before; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check an export with this installation's own verifier, which no changed folder has changed; exit 1 for any ✗."""
    from pilothouse.pilots.verify import claims, told

    found = claims(folder, head or ())
    if as_json:
        print_json(dict(found))
    else:
        typer.echo(told(found))
    if any(problems for _, problems in found):
        raise typer.Exit(EXIT_REFUSED)
