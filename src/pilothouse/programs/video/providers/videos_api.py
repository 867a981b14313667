"""Any upstream that speaks the `POST /v1/videos` wire shape, through the official `openai` SDK.

The SDK marks its video methods as deprecated because its maker's own upstream has ended; the shape lives on in
gateways. The mark is taken off each method that is called here, so that no warning filter of the process is touched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import openai
from openai.types import Video

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.calls import (
    BAD_REQUEST_STATUSES,
    broken_call,
    broken_submit,
    download,
    failed_poll,
    failed_submit,
    http_client,
    is_quota,
    poll_each,
    retry_after_s,
)
from pilothouse.programs.video.providers.protocol import (
    Aspect,
    Broken,
    Busy,
    CannotLookUp,
    Capabilities,
    FetchOutcome,
    LookupOutcome,
    NotFound,
    Pending,
    PollOutcome,
    Refused,
    SubmitOutcome,
    Submitted,
    Succeeded,
    VideoJob,
    clip_detail,
)
from pilothouse.programs.video.providers.reasons import customer_reason

LookupMode = Literal["none", "metadata", "idempotency_key"]
LOOKUP_MODES: Final[tuple[LookupMode, ...]] = ("none", "metadata", "idempotency_key")

_ADAPTER: Final = "videos_api"
_CAPACITY_CODES: Final = frozenset({"rate_limit_exceeded", "server_overloaded", "overloaded", "capacity", "slow_down"})
_OVER_STATUSES: Final = frozenset({"failed", "cancelled", "canceled", "expired"})
_BAD_REQUEST_CODES: Final = {413: "too_large", 422: "unprocessable"}
_KEY_FIELD: Final = "idempotency_key"


@dataclass(frozen=True, slots=True)
class VideosApiSettings:
    """How to reach one upstream of this shape.

    `lookup`: `none` when it cannot find a job by key; `metadata` when it keeps and lists `metadata`; `idempotency_key`
    when it promises that a repeated POST with the same Idempotency-Key answers with the first job.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    aspects: frozenset[Aspect] = frozenset({"9:16", "16:9"})
    seconds: frozenset[int] = frozenset({4, 8, 12})
    lookup: LookupMode = "none"


class VideosApiProvider:
    """One upstream of the videos shape. Each job is one POST; polls are one GET a job, a bounded number at once."""

    def __init__(self, settings: VideosApiSettings, *, name: str = _ADAPTER) -> None:
        self.name = name
        self.adapter = _ADAPTER
        self.capabilities = Capabilities(
            aspects=settings.aspects, seconds=settings.seconds, lookup=settings.lookup != "none"
        )
        self._settings = settings
        self._http = http_client()
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            max_retries=0,  # the house decides about repeats; the SDK's own would pay twice
            timeout=limits.CALL_TIMEOUT_S,
            http_client=self._http,
        )

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        """POST the job with `key` as Idempotency-Key."""
        width, height = job.size
        body: dict[str, Any] = {
            "prompt": job.prompt,
            "model": self._settings.model,
            "seconds": str(job.seconds),
            "size": f"{width}x{height}",
            "extra_headers": {"Idempotency-Key": key},
        }
        if self._settings.lookup == "metadata":
            body["extra_body"] = {"metadata": {_KEY_FIELD: key}}
        try:
            image = await asyncio.to_thread(job.image_bytes)
        except OSError as error:
            return Broken("storage", clip_detail(error))
        if image is not None and job.image_type is not None:
            extension = job.image_type.removeprefix("image/")
            body["input_reference"] = (f"reference.{extension}", image, job.image_type)
        try:
            video: Video = await self._call("create")(**body)
        except openai.APIStatusError as error:
            return _failed_submit(error)
        except (openai.APIConnectionError, openai.APIResponseValidationError) as error:
            return broken_submit(error)
        except (openai.OpenAIError, ValueError, TypeError) as error:
            # An answer of success that the SDK cannot read is a job that we cannot name.
            return broken_submit(error)
        if not isinstance(getattr(video, "id", None), str) or not video.id:
            return broken_submit(ValueError("The answer holds no job id."))
        return Submitted(video.id)

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        """GET each job."""
        return await poll_each(refs, self._poll)

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        """GET the content of a finished job."""
        url = f"{str(self._client.base_url).rstrip('/')}/videos/{quote(ref, safe='')}/content"
        return await download(self._http, url, self._client.auth_headers, destination)

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        """Find the job by what this upstream offers, else say that it cannot be found."""
        if self._settings.lookup == "idempotency_key":
            return await self.submit(job, key)
        if self._settings.lookup == "metadata":
            return await self._find(key)
        return CannotLookUp()

    async def cancel(self, ref: str) -> bool:
        """DELETE the job."""
        try:
            await self._call("delete")(ref)
        except openai.OpenAIError:
            return False
        return True

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _call(self, method: str) -> Callable[..., Awaitable[Any]]:
        videos = self._client.videos
        marked = getattr(type(videos), method)
        plain: Callable[..., Awaitable[Any]] = getattr(marked, "__wrapped__", marked).__get__(videos)
        return plain

    async def _poll(self, ref: str) -> PollOutcome:
        try:
            video: Video = await self._call("retrieve")(ref)
        except openai.APIStatusError as error:
            return failed_poll(error.status_code, error.response.headers, error.message)
        except (openai.OpenAIError, ValueError, TypeError) as error:
            return broken_call(error)
        return _state_of(video, ref)

    async def _find(self, key: str) -> LookupOutcome:
        try:
            page = await self._call("list")(limit=limits.LOOKUP_PAGE_ROWS, order="desc")
            for _ in range(limits.LOOKUP_PAGES_MAX):
                for video in page.data:
                    metadata = getattr(video, "metadata", None)
                    if isinstance(metadata, dict) and metadata.get(_KEY_FIELD) == key:
                        return Submitted(video.id)
                if not page.has_next_page():
                    return NotFound()
                page = await page.get_next_page()
        except openai.APIStatusError as error:
            outcome = failed_poll(error.status_code, error.response.headers, error.message)
            return outcome if isinstance(outcome, Busy | Broken) else CannotLookUp()
        except (openai.OpenAIError, ValueError, TypeError) as error:
            return broken_call(error)
        # Not on the pages that may be read: it may still be on a later one, so nothing is proved.
        return CannotLookUp()


def _failed_submit(error: openai.APIStatusError) -> SubmitOutcome:
    status = error.status_code
    code = str(error.code or error.type or "")
    if status in BAD_REQUEST_STATUSES and not is_quota(code) and customer_reason(_ADAPTER, code) != "param_error":
        code = _BAD_REQUEST_CODES.get(status, "bad_request")
    return failed_submit(status, code, error.response.headers, error.message)


def _state_of(video: Video, ref: str) -> PollOutcome:
    """The outcome of a job as the upstream tells it. A foreign id is an answer to another question."""
    status: Any = getattr(video, "status", None)
    if getattr(video, "id", None) != ref or not isinstance(status, str):
        return Broken("wrong_answer", "The answer names another job or no state.")
    if status == "completed":
        return Succeeded()
    if status not in _OVER_STATUSES:
        progress: Any = getattr(video, "progress", None)
        return Pending(max(0, min(100, int(progress))) if isinstance(progress, int | float) else None)
    error = getattr(video, "error", None)
    code = str(getattr(error, "code", None) or status)
    detail = clip_detail(f"{code}: {getattr(error, 'message', '')}")
    headers = getattr(error, "headers", None)
    if customer_reason(_ADAPTER, code) == "param_error":
        return Refused(code, detail)
    if code in _CAPACITY_CODES:
        return Busy("capacity", retry_after_s(headers), detail, job_over=True)
    return Broken(code, detail, job_over=True)
