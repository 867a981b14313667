"""`pilothouse checklist enterprise`: the internal checklist before a customer is let on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import app
from .acting import JsonOption, actor
from .database import data_folder, database_up
from .refusals import EXIT_REFUSED
from .tables import print_json

EXAMPLE = Path(__file__).parents[4] / "examples" / "node"
checklist_app = typer.Typer(no_args_is_help=True, help="What has to hold before a customer is let on.")
app.add_typer(checklist_app, name="checklist")


@checklist_app.callback()
def group() -> None:
    """What has to hold before a customer is let on."""


@checklist_app.command()
def enterprise(
    as_json: JsonOption = False,
    example: Annotated[Path, typer.Option(help="The folder of the Node example.")] = EXAMPLE,
    by: Annotated[str, typer.Option("--as", help="Who runs it; your name on this host otherwise.")] = "",
) -> None:
    """Run the five lines on the running house, over SITE_URL and within ten minutes; exit 1 when one fails.

    The result is stored and holds for a day. It needs Node on this host and costs nothing.
    """
    with database_up():
        from pilothouse.kernel.watch.checklists import as_json as shown
        from pilothouse.programs.video.checklist import LINES, run_enterprise

        found = run_enterprise(
            by or actor(),
            example=example,
            work=data_folder() / "checklist",
            say=lambda line: typer.echo(line, err=as_json),
        )
    if as_json:
        report = shown(found)
        for line in report["lines"]:
            line["claim"] = LINES[line["name"]]
        print_json(report)
    else:
        typer.echo(_verdict(found))
    if found.state != "passed":
        raise typer.Exit(EXIT_REFUSED)


def _verdict(found: Any) -> str:
    if found.state == "passed":
        return f"Passed in {found.seconds:.0f} s. It holds until {found.valid_until:%Y-%m-%d %H:%M} UTC."
    failed = sum(not line.ok for line in found.lines)
    late = f" It took {found.seconds:.0f} s of {found.within_s}." if found.seconds > found.within_s else ""
    return f"Not passed: {failed} of {len(found.lines)} lines failed.{late} No customer is let on before it passes."
