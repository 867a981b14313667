"""The four promises of the video program (docs/guarantees.md), as checks that `watch` runs."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.checks import Promise, declare_promises
from pilothouse.kernel.watch.deadlines import Deadline, declare_deadlines
from pilothouse.kernel.watch.limits import PARITY_CHUNK_ROWS
from pilothouse.kernel.watch.slos import (
    API_AVAILABILITY,
    API_LATENCY,
    TIMER_LATENESS,
    WEBHOOK_DELIVERY,
    declare_slos,
)

from . import intake
from .fingerprint import batch_fingerprint, item_fingerprint, versions

SQL = Statements(__file__, "sql/recheck")
FOLDER = Path(__file__).parent / "sql" / "promises"
PROGRAM_NAME = "video"


def recheck_fingerprints(batches: Sequence[int] | None) -> list[Row]:
    """Items whose parameters are not what their request is normalised to, and items and batches whose fingerprint is
    not the one of their parameters and versions.

    A request is normalised again under the versions of this code only: an older pipeline may have read it otherwise.
    Reads the batches in chunks by id, so memory stays flat over any number of them.
    """
    found: list[Row] = []
    after = 0
    while chunk := SQL.rows(
        "batches_after", after=after, batches=None if batches is None else list(batches), count=PARITY_CHUNK_ROWS
    ):
        after = chunk[-1]["id"]
        items: dict[int, list[Row]] = defaultdict(list)
        for row in SQL.rows("items_of_batches", batches=[row["id"] for row in chunk]):
            items[row["batch"]].append(row)
        for batch in chunk:
            found += _differences(batch, items[batch["id"]])
    return found


def _differences(batch: Row, items: list[Row]) -> list[Row]:
    under, entry = batch["versions"], batch["entry"]
    found = _normalised_otherwise(batch, items) if under == versions() else []
    found += [
        _finding(batch, item["public_id"], f"the fingerprint is not the one of its parameters ({entry})")
        for item in items
        if item_fingerprint(item["params"], item["image_sha256"], under) != item["fingerprint"]
    ]
    if batch_fingerprint([item["fingerprint"] for item in items], batch["terms_hash"], under) != batch["fingerprint"]:
        found.append(_finding(batch, None, f"the batch's fingerprint is not the one of its items and terms ({entry})"))
    return found


def _normalised_otherwise(batch: Row, items: list[Row]) -> list[Row]:
    what = f"its parameters are not what was asked for ({batch['entry']})"
    return [
        _finding(batch, item["public_id"], what)
        for item, asked in zip(items, _asked(batch), strict=False)
        if (item["params"], item["image_sha256"]) != asked
    ]


def _asked(batch: Row) -> list[tuple[dict[str, Any] | None, str | None]]:
    """What each item was asked for, normalised as this code does it; None where it would be refused today."""
    asked: list[tuple[dict[str, Any] | None, str | None]] = []
    try:
        given = json.loads(batch["given"] or "[]")
        for item in given:
            try:
                asked.append((intake.normalised(item["params"]), item["image_sha256"]))
            except PilothouseError:
                asked.append((None, None))
    except (ValueError, KeyError, TypeError, AttributeError):
        # A damaged request is a finding of parity.sql.
        return []
    return asked


def _finding(batch: Row, item: str | None, what: str) -> Row:
    return {"tenant": batch["tenant"], "batch": batch["public_id"], "item": item, "what": what}


PROMISES = declare_promises(
    (
        Promise(
            PROGRAM_NAME,
            "execution",
            "Every accepted item ends exactly once",
            "data_integrity",
            FOLDER / "execution.sql",
        ),
        Promise(
            PROGRAM_NAME,
            "billing",
            "Only succeeded items are charged, each once, at the reserved price",
            "wrong_charge",
            FOLDER / "billing.sql",
        ),
        Promise(
            PROGRAM_NAME,
            "refund",
            "Every failed item's credits return in full, with its failure",
            "data_integrity",
            FOLDER / "refund.sql",
        ),
        # What is broken here is the pipeline that all tenants share, so all of them pause.
        Promise(
            PROGRAM_NAME,
            "parity",
            "Demo, pages and API run one pipeline",
            "demo_api_divergence",
            FOLDER / "parity.sql",
            look=recheck_fingerprints,
            wide=True,
        ),
    ),
    invariants=FOLDER.parent / "invariants",
)
# Best effort, and measured: nothing here is a promise.
SLOS = declare_slos((API_AVAILABILITY, API_LATENCY, WEBHOOK_DELIVERY, TIMER_LATENESS))
DEADLINES = declare_deadlines(
    (Deadline("items", "Videos made or refunded before their time was over", FOLDER.parent / "deadlines/items.sql"),)
)
