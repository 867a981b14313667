"""Reads the bare statements: files of several, each after a line `-- name: NAME`."""

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
MARK = "-- name: "


def load(file: str) -> dict[str, str]:
    """The statements of `sql/FILE.sql` by name."""
    found: dict[str, str] = {}
    for part in (FOLDER / f"{file}.sql").read_text(encoding="utf-8").split(MARK)[1:]:
        name, _, text = part.partition("\n")
        found[name.strip()] = text.strip()
    return found
