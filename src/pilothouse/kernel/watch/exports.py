"""Rows as files for whoever checks them elsewhere: JSON and CSV side by side, streamed, each with its hash."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.sql import Row, Statements

from .limits import EXPORT_CHUNK_ROWS

MANIFEST = "manifest.json"


def pages(sql: Statements, name: str, **params: Any) -> Iterator[Row]:
    """All rows of a statement that takes `after` (a row's `id`, from 0) and `count`; `id` itself is left out."""
    after = 0
    while True:
        rows = sql.rows(name, after=after, count=EXPORT_CHUNK_ROWS, **params)
        for row in rows:
            after = row.pop("id")
            yield row
        if len(rows) < EXPORT_CHUNK_ROWS:
            return


def write_rows(folder: Path, name: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Write NAME.json and NAME.csv, whose bytes follow from the rows; returns {file, path, rows, sha256} of each."""
    folder.mkdir(parents=True, exist_ok=True)
    count, hashes = 0, {"json": hashlib.sha256(), "csv": hashlib.sha256()}
    with _whole(folder / f"{name}.json") as as_json, _whole(folder / f"{name}.csv") as as_csv:
        for row in rows:
            text = json.dumps(row, ensure_ascii=False, sort_keys=True, default=_shown)
            _put(as_json, hashes["json"], ("[\n" if count == 0 else ",\n") + text)
            _put(as_csv, hashes["csv"], (_csv(row.keys()) if count == 0 else "") + _csv(_cells(row)))
            count += 1
        _put(as_json, hashes["json"], "\n]\n" if count else "[]\n")
    return [
        {"file": f"{name}.{kind}", "path": str(folder / f"{name}.{kind}"), "rows": count, "sha256": digest.hexdigest()}
        for kind, digest in hashes.items()
    ]


def write_manifest(folder: Path, about: dict[str, Any], files: Iterable[dict[str, Any]]) -> str:
    """Write manifest.json over files that were written before; returns its own hash, by which the whole is named."""
    listed = [{"file": one["file"], "rows": one["rows"], "sha256": one["sha256"]} for one in files]
    text = json.dumps({**about, "files": listed}, indent=1, ensure_ascii=False, sort_keys=True, default=_shown) + "\n"
    with _whole(folder / MANIFEST) as out:
        out.write(text)
    return hashlib.sha256(text.encode()).hexdigest()


class _whole:  # noqa: N801 (a context manager, written like one)
    """A text file that stands under its name only when it is complete and on disk: a kill leaves no half of one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Any:
        self.file = self.part.open("w", encoding="utf-8", newline="")
        return self.file

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if kind is None:
            self.part.replace(self.path)
        else:
            self.part.unlink()


def _put(out: Any, digest: Any, text: str) -> None:
    out.write(text)
    digest.update(text.encode())


def _csv(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(list(cells))
    return out.getvalue()


def _cells(row: Row) -> list[Any]:
    return [json.dumps(v, sort_keys=True) if isinstance(v, dict | list) else _shown(v) for v in row.values()]


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
