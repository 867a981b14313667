"""How the command line prints rows: a table for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from pilothouse.kernel.base.clock import iso

# Where nobody sees a terminal's edge, as in a pipe or a file, no cell is folded.
PIPED_COLUMNS = 240


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], none: str, title: str = "") -> None:
    """Print these rows; `columns` gives the heading of each key, `none` the sentence that stands for no rows."""
    if not rows:
        typer.echo(none)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_COLUMNS)
    table = Table(*columns.values(), box=None, pad_edge=False, title=title or None, title_justify="left")
    for column, key in zip(table.columns, columns, strict=True):
        column.overflow = "fold"
        column.justify = "right" if all(type(row[key]) is int for row in rows) else "left"
    for row in rows:
        table.add_row(*(escape("" if row[key] is None else str(row[key])) for key in columns))
    console.print(table)


def _plain(value: Any) -> str:
    """What JSON has no word for: an instant as everywhere, anything else as its text."""
    return iso(value) if isinstance(value, datetime) else str(value)


def print_json(body: Any) -> None:
    """Print one JSON value and nothing else."""
    typer.echo(json.dumps(body, indent=1, ensure_ascii=False, default=_plain))


def say(body: Mapping[str, Any], as_json: bool, words: str) -> None:
    """Print a command's answer: its JSON object on one line, or words for a person."""
    typer.echo(json.dumps(body, ensure_ascii=False, default=_plain) if as_json else words)
