"""The timelines and the ledger rows of a market as files, for whoever checks them elsewhere."""

from pathlib import Path
from typing import Any

from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.watch.exports import pages, write_rows

SQL = Statements(__file__)


def write_exports(folder: Path, tenant: int) -> list[dict[str, Any]]:
    """Write timelines and ledger as JSON and CSV into `folder`; returns {file, path, rows, sha256} of each.

    The bytes follow from the business alone: no instant of the machine's clock is in them.
    """
    written = []
    for name in ("timelines", "ledger"):
        written += write_rows(folder, name, pages(SQL, f"export_{name}", tenant=tenant))
    return written
