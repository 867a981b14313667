"""Writes the timelines and the ledger rows of a market to files, each with its hash, for whoever checks the proof."""

import csv
import hashlib
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.sql import Row, Statements

SQL = Statements(__file__)


def write_exports(folder: Path, tenant: int) -> list[dict[str, Any]]:
    """Write timelines and ledger as JSON and CSV into `folder`; returns {file, path, rows, sha256} of each.

    The bytes follow from the business alone: no instant of the machine's clock is in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("timelines", "ledger"):
        rows = SQL.rows(f"demo_{name}", tenant=tenant)
        for suffix, text in (("json", _json(rows)), ("csv", _csv(rows))):
            path = folder / f"{name}.{suffix}"
            path.write_text(text, encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            written.append({"file": path.name, "path": str(path), "rows": len(rows), "sha256": digest})
    return written


def _json(rows: list[Row]) -> str:
    return json.dumps(rows, indent=1, ensure_ascii=False, sort_keys=True, default=_shown) + "\n"


def _csv(rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0] if rows else [])
    for row in rows:
        cells = [json.dumps(v, sort_keys=True) if isinstance(v, dict) else _shown(v) for v in row.values()]
        writer.writerow(cells)
    return out.getvalue()


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
