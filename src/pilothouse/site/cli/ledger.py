"""`pilothouse ledger …`: exports, statements, reconciliation and seals from the command line."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer

from . import app
from .acting import JsonOption, TenantArgument, account, working
from .database import database_up
from .refusals import EXIT_REFUSED
from .tables import say

if TYPE_CHECKING:
    from pilothouse.kernel.ledger.statements import Statement

ledger_app = typer.Typer(no_args_is_help=True, help="Ledger exports, statements and seals.")
app.add_typer(ledger_app, name="ledger")

UnitOption = Annotated[Literal["CREDIT", "TEST"], typer.Option(help="CREDIT, or TEST for the credits of test keys.")]
FromOption = Annotated[
    str, typer.Option("--from", help="Begin: 2026-03, 2026-03-14 or an instant, in the account's time zone.")
]
ToOption = Annotated[str, typer.Option("--to", help="End, not included; a statement of a month or a day needs none.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="File to write, .csv or .xlsx; else CSV to the terminal.")
]


@ledger_app.command()
def export(
    tenant: TenantArgument,
    begin: FromOption = "",
    end: ToOption = "",
    entry_type: Annotated[str, typer.Option("--type", help="add, freeze, settle, refund or reverse.")] = "",
    batch: Annotated[str, typer.Option(help="One batch's public id.")] = "",
    unit: UnitOption = "CREDIT",
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write; else to the terminal.")] = None,
) -> None:
    """Export ledger rows as CSV, newest first."""
    with working():
        from pilothouse.kernel.ledger.exports import ledger_csv
        from pilothouse.kernel.ledger.periods import span
        from pilothouse.kernel.ledger.sealing import seal_for_export

        found = account(tenant)
        seal_for_export()
        chunks = ledger_csv(
            found.id,
            unit,
            type=entry_type or None,
            ref_id=batch or None,
            since=span(begin, found.timezone, "--from")[0] if begin else None,
            until=span(end, found.timezone, "--to")[0] if end else None,
        )
        _write_text(chunks, out)


@ledger_app.command()
def statement(
    tenant: TenantArgument,
    begin: FromOption,
    end: ToOption = "",
    unit: UnitOption = "CREDIT",
    as_of: Annotated[str, typer.Option(help="Leave out what was recorded after this instant.")] = "",
    cut: Annotated[str, typer.Option(help="An earlier statement's cut, for the same bytes again.")] = "",
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """The statement of a period: opening balance, every row, closing balance."""
    if out is not None and out.suffix not in (".csv", ".xlsx"):
        raise typer.BadParameter("--out ends in .csv or .xlsx.")
    with working():
        from pilothouse.kernel.ledger.periods import period, span
        from pilothouse.kernel.ledger.sealing import seal_for_export
        from pilothouse.kernel.ledger.statements import Cut
        from pilothouse.kernel.ledger.statements import statement as read

        owner = account(tenant)
        first, last = period(begin, end, owner.timezone)
        if not cut:
            seal_for_export()
        found = read(
            owner.id,
            unit,
            first,
            last,
            as_of=span(as_of, owner.timezone, "--as-of")[0] if as_of else None,
            cut=Cut.parse(cut) if cut else None,
        )
        if out is not None or not as_json:
            _write_statement(found, tenant, out)
        if as_json:
            say(_statement_body(found, tenant), True, "")


@ledger_app.command()
def reconcile(
    tenant: TenantArgument,
    batch: Annotated[str, typer.Option(help="One batch's public id; the whole account by default.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Prove reserved = settled + refunded from the transfers alone; exit 1 with what is held or has no partner."""
    with working():
        from pilothouse.kernel.ledger.queries import reconciliation

        found = reconciliation(account(tenant).id, batch or None)
    amounts = dict(found.entries.lines) if found.entries else {}
    body = {
        "ok": found.balanced, "entries": amounts, "held": found.clearing, "without_partner": found.completeness,
        "timeliness": found.timeliness,
    }  # fmt: skip
    lines = [f"{label}: {amount}" for label, amount in amounts.items()]
    lines += [f"held: {row}" for row in found.clearing] + [f"without partner: {row}" for row in found.completeness]
    say(body, as_json, "\n".join([*lines, "It reconciles." if found.balanced else "It does not reconcile."]))
    if not found.balanced:
        raise typer.Exit(EXIT_REFUSED)


@ledger_app.command()
def seal(
    heads: Annotated[Path | None, typer.Option("--heads", help="Folder for the signed heads.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Seal what is finished and export the signed ends of all chains."""
    with database_up():
        from pilothouse.kernel.ledger import sealing

        blocks = sealing.seal()
        path = sealing.export_heads(heads)
    body = {"ok": True, "blocks": len(blocks), "rows": sum(block["rows"] for block in blocks), "heads": str(path)}
    say(body, as_json, f"{body['blocks']} blocks sealed over {body['rows']} rows. The heads are in {path}.")


@ledger_app.command("verify-seals")
def verify_seals(
    tenant: Annotated[str, typer.Option(help="One tenant's public id; all by default.")] = "",
    heads: Annotated[Path | None, typer.Option("--heads", help="File of exported heads, or their folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hash all sealed history again and compare it with the seals and the newest exported heads. Exit 1 if broken."""
    with working():
        from pilothouse.kernel.ledger import sealing

        broken = sealing.verify(account(tenant).id if tenant else None, heads)
    body = {
        "ok": not broken,
        "broken": [
            {"tenant": block.tenant, "stream": block.stream, "block": block.n, "problem": block.problem}
            for block in broken
        ],
    }
    say(body, as_json, "\n".join(map(str, broken)) or "Every sealed block is as it was sealed.")
    if broken:
        raise typer.Exit(EXIT_REFUSED)


def _statement_body(found: "Statement", tenant: str) -> dict[str, Any]:
    return {
        "ok": True,
        "tenant": tenant,
        "unit": found.unit,
        "from": found.start.isoformat(),
        "to": found.end.isoformat(),
        "cut": str(found.cut),
        "opening": {"available": found.opening.available, "held": found.opening.held},
        "closing": {"available": found.closing.available, "held": found.closing.held},
        "rows": sum(1 for _ in found.rows()),
    }


def _write_statement(found: "Statement", tenant: str, out: Path | None) -> None:
    from pilothouse.kernel.ledger import exports

    if out is not None and out.suffix == ".xlsx":
        with _whole(out) as target:
            exports.statement_xlsx(found, tenant, target)
    else:
        _write_text(exports.statement_csv(found, tenant), out)


def _write_text(chunks: Iterable[str], out: Path | None) -> None:
    if out is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk.encode())
        sys.stdout.buffer.flush()
        return
    with _whole(out) as target:
        target.writelines(chunk.encode() for chunk in chunks)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of an earlier one when all of it is written; a refusal leaves what was there."""
    if path.is_symlink() or (
        path.exists() and not path.is_file()
    ):  # /dev/stdout and the like are written to as they are
        with path.open("wb") as target:
            yield target
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as target:
            yield target
        part.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        part.unlink(missing_ok=True)
