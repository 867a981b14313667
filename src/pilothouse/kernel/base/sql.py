"""SQL by name: each room keeps its set-based statements in `sql/NAME.sql` and calls them by that name.

A statement is one file, so it can be read, explained and reviewed alone. Parameters are psycopg's `%(name)s`; a
literal percent sign is written `%%`. Statements run on the connection of the open scope.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from django.db.backends.utils import CursorWrapper

from .scope import scoped_connection

Row = dict[str, Any]
JSON_TYPES = (114, 3802)
_decoder = msgspec.json.Decoder()
PARAMETER = re.compile(r"%\((\w+)\)s(::\w+(?: precision)?\[\])?")


def fetch(cursor: CursorWrapper) -> list[Row]:
    """All rows of an executed cursor as dictionaries, with json and jsonb decoded."""
    columns = cursor.description  # the driver makes it anew each time
    if columns is None:
        return []
    names = [column[0] for column in columns]
    encoded = [name for column, name in zip(columns, names, strict=True) if column[1] in JSON_TYPES]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for name in encoded:
        for row in rows:
            if isinstance(row[name], str):
                row[name] = _decoded(row[name])
    return rows


def _decoded(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:  # a number beyond what a float holds
        return json.loads(text)


def array_literal(values: list[Any]) -> Any:
    """A list of numbers, texts and None as PostgreSQL's array literal; any other list as it is.

    The driver adapts a list element by element, which for a set of a thousand rows costs as much as writing them, and
    refuses one of whole and other numbers.
    """
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= {int, float}:
        return "{" + ",".join(["NULL" if v is None else repr(v) for v in values]) + "}"
    if kinds == {str}:
        quoted = ["NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]
        return "{" + ",".join(quoted) + "}"
    return values


class Statements:
    """The statements in the folder `sql/` beside a module: `SQL = Statements(__file__)`."""

    def __init__(self, module_file: str, folder: str = "sql") -> None:
        self.folder = Path(module_file).parent / folder
        self._texts: dict[str, str] = {}
        self._arrays: dict[str, set[str]] = {}

    def text(self, name: str) -> str:
        """The SQL text of one statement; KeyError when there is no such file."""
        if name not in self._texts:
            path = self.folder / f"{name}.sql"
            if not path.is_file():
                raise KeyError(f"no statement {name} in {self.folder}")
            self._texts[name] = path.read_text(encoding="utf-8")
        return self._texts[name]

    def _bound(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """The parameters as the driver gets them: lists that the text casts to an array become its literal."""
        if name not in self._arrays:
            found = PARAMETER.findall(self.text(name))
            self._arrays[name] = {param for param, cast in found if cast} - {p for p, cast in found if not cast}
        arrays = self._arrays[name]
        return {
            param: array_literal(value) if param in arrays and isinstance(value, list) else value
            for param, value in params.items()
        }

    def names(self) -> list[str]:
        """The names of all statements of the folder, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.sql"))

    def rows(self, name: str, /, **params: Any) -> list[Row]:
        """Run a statement and return all of its rows."""
        with scoped_connection().cursor() as cursor:
            cursor.execute(self.text(name), self._bound(name, params))
            return fetch(cursor)

    def prepared(self, name: str, /, **params: Any) -> list[Row]:
        """As `rows`, for a long statement that a worker runs again and again: parsing and planning cost a fifth of it.

        The server keeps it for as long as the connection lives. Parameters are bound there, so the text says the type
        of each that its place does not tell.
        """
        connection = scoped_connection()
        driver: Any = connection.connection
        driver.prepare_threshold = 0  # Django's own cursors bind in the client and never prepare
        cursor: Any = psycopg.Cursor(driver)
        with connection.make_cursor(cursor) as prepared:
            prepared.execute(self.text(name), self._bound(name, params))
            return fetch(prepared)

    def one(self, name: str, /, **params: Any) -> Row | None:
        """Run a statement and return its first row, or None."""
        rows = self.rows(name, **params)
        return rows[0] if rows else None

    def execute(self, name: str, /, **params: Any) -> int:
        """Run a statement and return how many rows it touched."""
        with scoped_connection().cursor() as cursor:
            cursor.execute(self.text(name), self._bound(name, params))
            return int(cursor.rowcount)


def run(sql: str, params: dict[str, Any] | Sequence[Any] | None = None) -> list[Row]:
    """Run one statement given as text on the open scope's connection; for tests and generated SQL."""
    with scoped_connection().cursor() as cursor:
        cursor.execute(sql, params)
        return fetch(cursor)


def sqlstate(error: Exception) -> str:
    """The SQLSTATE that the server gave for an error as Django raises it; empty when it gave none."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def schema_files(root: Path) -> Iterator[Path]:
    """The repeatable SQL files below a room's folder, in the order in which they are applied."""
    yield from sorted((root / "sql" / "schema").glob("*.sql"))
