"""A table as data: columns say what kind of value a cell holds, and each kind is drawn by its own component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

CellKind = Literal["text", "title", "id", "instant", "amount", "number", "state", "ratio"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` of the row, its words, and the kind of its values.

    `amount` cells hold integer minor units in `unit`; `title` cells link to the row's `url`; `sort_url` makes the
    head a link, `sorted` is `ascending`, `descending` or empty.
    """

    key: str
    label: object
    kind: CellKind = "text"
    unit: str = "CREDIT"
    sort_url: str = ""
    sorted: str = ""

    @property
    def at_end(self) -> bool:
        """Numbers stand at the right edge so that their digits line up."""
        return self.kind in ("amount", "number", "ratio")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with the column that says how to draw it."""

    column: Column
    value: Any
    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; each row is a mapping by column key, with an optional `url` for its title."""

    caption: object
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def lines(self) -> list[list[Cell]]:
        """The cells, row by row."""
        return [
            [Cell(column, row.get(column.key), str(row.get("url", ""))) for column in self.columns] for row in self.rows
        ]
