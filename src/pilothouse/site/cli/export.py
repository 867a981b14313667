"""`pilothouse export` and `pilothouse verify`: a pilot's numbers for somebody who does not trust them."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import app, setup
from .database import database_up


@app.command()
def export(
    pilot: Annotated[str, typer.Argument(help="The pilot's id, as pil_….")],
    out: Annotated[Path, typer.Option(help="A new or empty folder.")],
    reader: Annotated[str, typer.Option("--for", help="ours, or customer: internal events stand as hashes.")] = "ours",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a pilot's ledger, timeline, seals and criteria to a folder, with verify.py to check them offline."""
    with database_up():
        setup()
        from pilothouse.kernel.base.errors import PilothouseError
        from pilothouse.pilots.export import READERS, export_pilot

        if reader not in READERS:
            raise typer.BadParameter(f"--for is one of {', '.join(READERS)}.")
        try:
            report = export_pilot(pilot, out, f"cli:{getpass.getuser()}", reader=reader)
        except PilothouseError as refused:
            typer.echo(f"{refused.code}: {refused}", err=True)
            raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(report, indent=1, ensure_ascii=False))
        return
    typer.echo(f"{len(report['files'])} files in {out}. The facts say: {report['state']}.")
    for stream, head in report["heads"].items():
        typer.echo(f"  {stream} head  {head or '(nothing yet)'}")
    typer.echo(f"Check them anywhere with  python {out / 'verify.py'}")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="The folder of an export.")],
    head: Annotated[list[str] | None, typer.Option(help="A seal that you were given before; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check an export with this installation's own verifier, which no changed folder has changed; exit 1 for any ✗."""
    from pilothouse.pilots.verify import claims, told

    found = claims(folder, head or ())
    if as_json:
        typer.echo(json.dumps(dict(found), indent=1, ensure_ascii=False))
    else:
        typer.echo(told(found))
    sys.exit(any(problems for _, problems in found))
