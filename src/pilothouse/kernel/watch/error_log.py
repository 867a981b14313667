"""What went wrong, grouped and counted: our own errors, what was refused by its code, and what browsers tell.

Nothing here is about a person: places are routes, words are masked, and a browser's fields are a closed list. An entry
is queued and written in batches, so an error never waits for its own record.
"""

import hashlib
import json
import logging
import sys
import traceback
from collections.abc import Iterable
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from prometheus_client import Counter

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.batch_log import BatchLog
from pilothouse.kernel.base.errors import PilothouseError

from .limits import (
    ERROR_FRAMES_MAX_COUNT,
    ERROR_WORDS_MAX_CHARACTERS,
    NEW_BROWSER_ERRORS_PER_DAY_MAX_COUNT,
    PAGE_QUICK_MS,
    PAGE_SLOW_MS,
)
from .places import masked, route_of, subject_of

LOST = Counter("pilothouse_error_log_lost", "Entries that the error log lost", ["why"])
WRITTEN = Counter("pilothouse_error_log_written", "Entries of the error log")
SERVER, REFUSED, BROWSER = "server", "refused", "browser"
STATEMENT = "SELECT log_seen(%(errors)s::jsonb, %(tallies)s::jsonb, %(room)s)"
OURS = "pilothouse."
Entry = dict[str, Any]
# The request that this thread is answering: what an error is about is read from its address.
current_request: ContextVar[Any] = ContextVar("seen_request", default=None)


def _write(cursor: Any, batch: list[Entry]) -> None:
    errors = _grouped((entry for entry in batch if "fingerprint" in entry), "fingerprint")
    tallies = _grouped((entry for entry in batch if "fingerprint" not in entry), "kind", "place", "name")
    params = {"errors": json.dumps(errors), "tallies": json.dumps(tallies)}
    cursor.execute(STATEMENT, {**params, "room": NEW_BROWSER_ERRORS_PER_DAY_MAX_COUNT})


SEEN = BatchLog("error", _write, LOST, WRITTEN)


def _grouped(entries: Iterable[Entry], *keys: str) -> list[Entry]:
    """Entries of one key as one, with their counts added; the newest says what the rest is. Sorted, for lock order."""
    found: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        key = tuple(entry[name] for name in keys)
        before = found.get(key, {})
        sums = {name: before.get(name, 0) + entry[name] for name in COUNTED if name in entry}
        found[key] = {**entry, **sums}
    return [found[key] for key in sorted(found)]


COUNTED = ("count", "ms", "quick", "slow")


def record_refusal(error: PilothouseError, match: Any, request_id: str) -> None:
    """A refusal that somebody was told, by its code and where."""
    place = route_of(match)
    _record(
        REFUSED,
        _print(REFUSED, error.code, place),
        code=error.code,
        place=place,
        # The class's own sentence: what stands in its slots may be somebody's.
        words=type(error).message,
        area=_area(type(error).__module__),
        example={"subject": subject_of(match), "request_id": request_id},
    )


def record_exception(error: BaseException, what: str) -> None:
    """An error of ours; `what` is the log's own word for where it was met."""
    request = current_request.get()
    match = getattr(request, "resolver_match", None)
    frames = _frames(error.__traceback__)
    where = next((frame for frame in reversed(frames) if frame.startswith(OURS)), frames[-1] if frames else what)
    code = type(error).__name__
    _record(
        SERVER,
        _print(SERVER, code, where.partition(":")[0]),
        code=code,
        place=route_of(match) if request is not None else what[:ERROR_WORDS_MAX_CHARACTERS],
        words=masked(str(error), ERROR_WORDS_MAX_CHARACTERS) or code,
        area=_area(where),
        example={
            "subject": subject_of(match),
            "request_id": str(getattr(request, "request_id", "")),
            "where": where,
            "frames": frames[-ERROR_FRAMES_MAX_COUNT:],
        },
    )


def record_browser_error(name: str, words: str, script: str, line: int, place: str) -> None:
    """An error in somebody's browser. Its words are masked here, whatever the script sent."""
    code, text = masked(name, ERROR_WORDS_MAX_CHARACTERS) or "Error", masked(words, ERROR_WORDS_MAX_CHARACTERS)
    example = {"script": script, "line": line}
    _record(BROWSER, _print(BROWSER, code, text, script), code=code, place=place, words=text, area="", example=example)


def _record(kind: str, fingerprint: str, *, code: str, place: str, words: str, area: str, example: Entry) -> None:
    SEEN.record(
        {
            "kind": kind,
            "fingerprint": fingerprint,
            "code": code,
            "place": place,
            "words": words,
            "area": area,
            "count": 1,
            "example": {key: value for key, value in {**example, "at": clock.iso(clock.now())}.items() if value},
        }
    )


def record_page(place: str, milliseconds: int) -> None:
    """How long a page took until it was usable."""
    quick, slow = int(milliseconds <= PAGE_QUICK_MS), int(milliseconds > PAGE_SLOW_MS)
    entry = {"kind": "page", "place": place, "name": "", "count": 1, "ms": milliseconds, "quick": quick, "slow": slow}
    SEEN.record(entry)


def record_act(place: str, name: str) -> None:
    """A named thing that somebody pressed or sent."""
    SEEN.record({"kind": "act", "place": place, "name": name, "count": 1})


def _print(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _area(where: str) -> str:
    """The room or program that a module or a frame belongs to; empty for code that is not ours."""
    parts = where.partition(":")[0].split(".")
    if parts[0] != "pilothouse" or len(parts) < 2:
        return ""
    return parts[2] if parts[1] in ("kernel", "programs") and len(parts) > 2 else parts[1]


def _frames(trace: TracebackType | None) -> list[str]:
    """The calls that led to an error, as `module.function:line`; no value of any variable is in them."""
    return [
        f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(trace)
    ]


class ErrorLogHandler(logging.Handler):
    """Takes what this process logs as an error with its exception: of requests, jobs, timers and pumps alike."""

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's exception; never raises."""
        if record.name.startswith("django.security"):
            return
        told = record.msg if isinstance(record.msg, dict) else {}
        given = told.get("exc_info") or record.exc_info
        error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given else None
        if error is not None:
            record_exception(error, str(told.get("event", record.name)))
