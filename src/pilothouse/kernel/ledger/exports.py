"""The ledger as files for Finance: CSV and XLSX, streamed, with columns that never change their order.

A statement's file is the same bytes for the same cut. Text that a spreadsheet would run as a formula is made plain.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pilothouse.kernel.base.outgoing import may_leave

from .errors import ExportBlocked
from .limits import EXPORT_CHUNK_ROWS, XLSX_MAX_ROWS
from .models import CREDIT
from .queries import Entry, ledger_entries
from .statements import Statement

COLUMNS = (
    "id", "created_at", "recorded_at", "type", "entry", "ref_type", "ref_id", "request_id", "credits_delta",
    "amount", "balance", "description",
)  # fmt: skip
# How wide each column of a spreadsheet is, in characters: an instant or an id that is cut off cannot be compared.
WIDTHS = (32, 28, 28, 8, 20, 13, 31, 24, 13, 10, 11, 60)
# A cell that begins with one of these is a formula, or starts one, in Excel, LibreOffice or Google Sheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int


def statement_csv(statement: Statement, tenant: str) -> Iterator[str]:
    """The statement as UTF-8 CSV in chunks: header, opening line, rows, closing line. `tenant` is the public id."""
    yield from _csv(statement_lines(statement, tenant))


def statement_xlsx(statement: Statement, tenant: str, target: BinaryIO) -> None:
    """The statement as XLSX, written row by row with constant memory; the same bytes for the same cut."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    book = xlsxwriter.Workbook(target, options)
    # The file's own date must not differ between two exports of one cut.
    book.set_properties({"title": f"Statement {tenant}", "created": statement.cut.as_of.replace(tzinfo=None)})
    number = book.add_format({"num_format": "#,##0"})
    heading = book.add_format({"bold": True})
    sheet, used = None, 0
    for line in _judged(statement_lines(statement, tenant)):
        if sheet is None or used >= XLSX_MAX_ROWS:
            sheet, used = book.add_worksheet(), 0
            sheet.freeze_panes(1, 0)
            for column, width in enumerate(WIDTHS):
                sheet.set_column(column, column, width)
            if book.worksheets()[0] is not sheet:
                used = _write(sheet, used, COLUMNS, heading, number)
        used = _write(sheet, used, line, heading if line is COLUMNS else None, number)
    book.close()


def statement_lines(statement: Statement, tenant: str) -> Iterator[tuple[Cell, ...]]:
    """Header, opening, rows and closing as cells. The first and last line carry period, unit, tenant and cut."""
    yield COLUMNS
    about = f"{tenant} {statement.unit}, cut {statement.cut}"
    yield _edge("opening", statement.start, statement.opening.available, about)
    balance = statement.opening.available
    for entry, balance in statement.rows():
        yield _line(entry, balance)
    if balance != statement.closing.available:
        raise ArithmeticError(f"the rows lead to {balance}, the fold to {statement.closing.available}")
    yield _edge("closing", statement.end, balance, about)


def ledger_csv(
    tenant: int,
    unit: str = CREDIT,
    *,
    type: str | None = None,
    ref_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[str]:
    """All matching ledger rows as CSV text in chunks, newest first; the `balance` column stays empty."""
    yield from _csv(_ledger_lines(tenant, unit, {"type": type, "ref_id": ref_id, "since": since, "until": until}))


def plain(cell: Cell) -> Cell:
    """A cell that no spreadsheet runs: text that would start a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def iso(at: datetime) -> str:
    """Microseconds in UTC, so that rows of one second keep their order: `2026-01-24T10:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _ledger_lines(tenant: int, unit: str, filters: dict[str, Any]) -> Iterator[tuple[Cell, ...]]:
    yield COLUMNS
    cursor: str | None = None
    while True:
        page = ledger_entries(tenant, unit, cursor=cursor, count=EXPORT_CHUNK_ROWS, **filters)
        for entry in page.rows:
            yield _line(entry, "")
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(entry: Entry, balance: Cell) -> tuple[Cell, ...]:
    return (
        entry.id, iso(entry.created_at), iso(entry.recorded_at), entry.type, entry.label, entry.ref_type, entry.ref_id,
        entry.request_id, entry.credits_delta, entry.amount, balance, entry.description,
    )  # fmt: skip


def _edge(name: str, at: datetime, balance: int, about: str) -> tuple[Cell, ...]:
    return (name, iso(at), "", "", "", "", "", "", "", "", balance, about)


def _csv(lines: Iterable[tuple[Cell, ...]]) -> Iterator[str]:
    """CSV by RFC 4180, one chunk of text for many lines; for a spreadsheet there is the XLSX."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for line in _judged(lines):
        writer.writerow([plain(cell) for cell in line])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _judged(lines: Iterable[tuple[Cell, ...]]) -> Iterator[tuple[Cell, ...]]:
    """The same lines, each judged before it leaves, whoever asked for the file. Raises ExportBlocked."""
    for line in lines:
        if not may_leave("export", json.dumps(dict(zip(COLUMNS, line, strict=False))), subject="ledger"):
            raise ExportBlocked()
        yield line


def _write(sheet: Any, row: int, line: tuple[Cell, ...], format_of_text: Any, number: Any) -> int:
    for column, cell in enumerate(line):
        if isinstance(cell, int):
            sheet.write_number(row, column, cell, number)
        elif cell:
            # write_string never makes a formula of text, so the cell needs no apostrophe.
            sheet.write_string(row, column, cell, format_of_text)
    return row + 1
