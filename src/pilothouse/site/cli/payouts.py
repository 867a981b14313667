"""`pilothouse payouts …`: the files for the bank of what is owed, from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from . import app
from .acting import JsonOption, operating
from .tables import print_json, print_table

payouts_app = typer.Typer(no_args_is_help=True, help="Files for the bank of the payouts that are due.")
app.add_typer(payouts_app, name="payouts")
WHAT = "pilothouse payouts"


@payouts_app.command()
def files(
    count: Annotated[int, typer.Option("--count", help="How many, the oldest first.", min=1, max=500)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the bank files with payouts that nobody has written as sent."""
    with operating(WHAT):
        from pilothouse.kernel.base.clock import iso
        from pilothouse.kernel.payments.bank_files import open_files
        from pilothouse.ui.units import amount_text

        found = open_files(count)
        if as_json:
            rows = [
                {
                    "bank_file": row.public_id, "filed_at": iso(row.filed_at), "filed_by": row.filed_by,
                    "payouts": row.payouts, "unsent": row.unsent, "unsent_amounts": row.amounts,
                }
                for row in found
            ]  # fmt: skip
            print_json({"ok": True, "bank_files": rows})
            return
        shown = [
            {
                "file": row.public_id, "unsent": f"{row.unsent} of {row.payouts}", "at": iso(row.filed_at),
                "amounts": " + ".join(amount_text(minor, unit) for unit, minor in row.amounts.items()),
                "by": row.filed_by,
            }
            for row in found
        ]  # fmt: skip
        columns = {"file": "File", "unsent": "Not sent", "amounts": "Amounts", "at": "Made (UTC)", "by": "By"}
        print_table(shown, columns, "No file holds an unsent payout.")


@payouts_app.command("file")
def make_file(
    bank_file: Annotated[str, typer.Argument(help="A file's id, for the same bytes again; none makes a new one.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write; else to the terminal.")] = None,
) -> None:
    """Put what is due into a new bank file, or give one again by its id."""
    with operating(WHAT):
        from pilothouse.kernel.payments.bank_files import bank_file as make
        from pilothouse.kernel.payments.bank_files import bank_file_text

        named = bank_file or make().public_id
        text = bank_file_text(named)
    # Only what is committed is given: a file that nobody can find again would be paid by nobody.
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8", newline="")
        out.chmod(0o600)
    typer.echo(f"{named}. Give it to the bank once, and write each payout as sent.", err=True)
