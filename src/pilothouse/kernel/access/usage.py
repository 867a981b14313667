"""The per-call log: written in batches by a thread of the web process, off the hot path."""

import json
from typing import Any

from prometheus_client import Counter

from pilothouse.kernel.base.batch_log import BatchLog
from pilothouse.kernel.base.limits import LOG_QUEUE_MAX_ROWS
from pilothouse.kernel.base.sql import Statements

SQL = Statements(__file__)
LOST = Counter("pilothouse_api_usage_lost", "API calls that the usage log lost", ["why"])
WRITTEN = Counter("pilothouse_api_usage_written", "API calls in the usage log")
Call = dict[str, Any]


class UsageLog(BatchLog):
    """The calls of the API, one row each."""

    def __init__(self, size: int = LOG_QUEUE_MAX_ROWS) -> None:
        super().__init__("usage", _write, LOST, WRITTEN, size)


def _write(cursor: Any, batch: list[Call]) -> None:
    cursor.execute(SQL.text("log_api_usage"), {"calls": json.dumps(batch)})


USAGE = UsageLog()
