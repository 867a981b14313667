"""What the HTTP adapters share: how a failed call is judged, Retry-After, and a bounded whole-or-nothing download."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx2

from pilothouse.kernel.base import clock
from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.intake import adopt
from pilothouse.programs.video.providers.media import part_path
from pilothouse.programs.video.providers.protocol import (
    Broken,
    Busy,
    FetchOutcome,
    PollOutcome,
    Refused,
    SubmitOutcome,
    Unknown,
    clip_detail,
)

BUSY_STATUSES: Final = frozenset({429, 503, 529})
# A gateway gave up waiting for the upstream, which may have taken the job; or a twin of the call is in flight.
UNCERTAIN_STATUSES: Final = frozenset({408, 409, 504, 524})
BAD_REQUEST_STATUSES: Final = frozenset({400, 413, 415, 422})
DENIED_STATUSES: Final = frozenset({401, 402, 403, 404, 405})
_NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    httpx2.InvalidURL,
)


def http_client() -> httpx2.AsyncClient:
    """A client with the house's timeouts; the caller closes it."""
    timeout = httpx2.Timeout(limits.CALL_TIMEOUT_S, connect=limits.CONNECT_TIMEOUT_S)
    return httpx2.AsyncClient(timeout=timeout, follow_redirects=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def was_sent(error: BaseException) -> bool:
    """Whether any byte of the request may have reached the upstream: False only when the connection never stood."""
    return not any(isinstance(cause, _NOT_SENT) for cause in _causes(error))


def retry_after_s(headers: Mapping[str, str] | None) -> float | None:
    """Seconds asked for by `retry-after-ms` or `Retry-After` (seconds or a date), bounded; None when absent or odd."""
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    try:
        if "retry-after-ms" in lower:
            seconds = float(lower["retry-after-ms"]) / 1000
        elif "retry-after" in lower:
            text = lower["retry-after"].strip()
            try:
                seconds = float(text)
            except ValueError:
                seconds = (parsedate_to_datetime(text) - clock.now()).total_seconds()
        else:
            return None
    except (ValueError, TypeError):
        return None
    if seconds != seconds:  # not a number
        return None
    return min(max(seconds, 0.0), limits.RETRY_AFTER_MAX_S)


def is_quota(code: str) -> bool:
    """Whether the code says that our account there is used up: no waiting helps, whatever status it comes with."""
    return "quota" in code or "billing" in code


def failed_submit(status: int, code: str, headers: Mapping[str, str], detail: object) -> SubmitOutcome:
    """Judge the error answer to a submit. `code` is the upstream's own, or the adapter's word for the status."""
    text = clip_detail(f"{status} {code}: {detail}")
    if is_quota(code):
        return Broken("quota", text)
    if status in BUSY_STATUSES:
        return Busy("capacity", retry_after_s(headers), text)
    if status in UNCERTAIN_STATUSES:
        return Unknown("lost_response", text)
    if status in BAD_REQUEST_STATUSES:
        return Refused(code, text)
    return Broken("denied" if status in DENIED_STATUSES else "server_error", text)


def failed_poll(status: int, headers: Mapping[str, str], detail: object) -> PollOutcome:
    """Judge the error answer to a poll. The job was accepted, so nothing here allows a new submit."""
    text = clip_detail(f"{status}: {detail}")
    if status in BUSY_STATUSES:
        return Busy("capacity", retry_after_s(headers), text)
    if status in DENIED_STATUSES or status in BAD_REQUEST_STATUSES:
        return Unknown("poll_denied", text)
    return Broken("server_error", text)


def broken_submit(error: BaseException) -> SubmitOutcome:
    """Judge a submit that got no answer: lawful to repeat only when nothing was sent."""
    if was_sent(error):
        return Unknown("lost_response", clip_detail(repr(error)))
    return Broken("connection", clip_detail(repr(error)))


def broken_call(error: BaseException) -> Broken:
    """Judge a call without side effect that got no answer."""
    return Broken("connection", clip_detail(repr(error)))


async def poll_each(refs: Sequence[str], poll: Callable[[str], Awaitable[PollOutcome]]) -> Mapping[str, PollOutcome]:
    """Ask for each distinct ref, a bounded number at once, for upstreams that answer one job a call."""
    gate = asyncio.Semaphore(limits.POLLS_IN_FLIGHT_MAX)

    async def one(ref: str) -> tuple[str, PollOutcome]:
        async with gate:
            return ref, await poll(ref)

    return dict(await asyncio.gather(*(one(ref) for ref in dict.fromkeys(refs))))


async def download(client: httpx2.AsyncClient, url: str, headers: Mapping[str, str], destination: Path) -> FetchOutcome:
    """Stream `url` to `destination`. The file appears only when it is a whole video within the size limit."""
    part = part_path(destination)
    try:
        await asyncio.to_thread(destination.parent.mkdir, parents=True, exist_ok=True)
        async with (
            asyncio.timeout(limits.FETCH_TIMEOUT_S),
            client.stream("GET", url, headers=dict(headers)) as response,
        ):
            if response.status_code in BUSY_STATUSES:
                return Busy("capacity", retry_after_s(response.headers), f"{response.status_code}")
            if response.status_code != httpx2.codes.OK:
                return Broken("fetch_refused", f"The download answered {response.status_code}.")
            failure = await _write(response, part)
        return failure if failure is not None else await asyncio.to_thread(adopt, part, destination)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        return broken_call(error)
    except OSError as error:
        return Broken("storage", clip_detail(error))
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


async def _write(response: httpx2.Response, part: Path) -> Broken | None:
    size_bytes = 0
    with await asyncio.to_thread(part.open, "wb") as file:
        async for chunk in response.aiter_bytes(limits.FETCH_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > limits.VIDEO_SIZE_MAX_BYTES:
                return Broken("too_much_video", f"The video is larger than {limits.VIDEO_SIZE_MAX_BYTES} bytes.")
            await asyncio.to_thread(file.write, chunk)
    return None
