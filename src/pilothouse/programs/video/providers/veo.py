"""Google's long-running video operations through `google-genai`, in its Vertex mode with given credentials.

There is no idempotency key, no listing and no cancel upstream: a submit whose answer was lost stays unknown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2
from google import genai
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import Credentials
from google.genai import errors, types

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
)
from pilothouse.programs.video.providers.intake import adopt
from pilothouse.programs.video.providers.media import part_path
from pilothouse.programs.video.providers.protocol import (
    Aspect,
    Broken,
    Busy,
    CannotLookUp,
    Capabilities,
    FetchOutcome,
    LookupOutcome,
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

_ADAPTER: Final = "veo"
# google.rpc.Code, the numbers of a failed operation.
_RPC_CODES: Final[Mapping[int, str]] = {
    1: "cancelled",
    2: "unknown",
    3: "invalid_argument",
    4: "deadline_exceeded",
    5: "not_found",
    7: "permission_denied",
    8: "resource_exhausted",
    9: "failed_precondition",
    10: "aborted",
    11: "out_of_range",
    12: "unimplemented",
    13: "internal",
    14: "unavailable",
    16: "unauthenticated",
}
_RAISED: Final = (httpx2.HTTPError, auth_exceptions.GoogleAuthError, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class VeoSettings:
    """How to reach one Vertex endpoint. `base_url` and `storage_url` None mean Google's own; `output_uri` is a
    `gs://` folder for results, or None to have them inside the answer."""

    project: str
    location: str
    model: str
    credentials: Credentials = field(repr=False)
    base_url: str | None = None
    storage_url: str = "https://storage.googleapis.com"
    output_uri: str | None = None
    aspects: frozenset[Aspect] = frozenset({"9:16", "16:9"})
    seconds: frozenset[int] = frozenset({4, 6, 8})


class VeoProvider:
    """One Vertex endpoint. The operation's name is the ref."""

    def __init__(self, settings: VeoSettings, *, name: str = _ADAPTER) -> None:
        self.name = name
        self.adapter = _ADAPTER
        self.capabilities = Capabilities(aspects=settings.aspects, seconds=settings.seconds, lookup=False)
        self._settings = settings
        self._http = http_client()
        self._client = genai.Client(
            vertexai=True,
            project=settings.project,
            location=settings.location,
            credentials=settings.credentials,
            http_options=types.HttpOptions(
                base_url=settings.base_url,
                timeout=round(limits.CALL_TIMEOUT_S * 1000),
                # One attempt: the SDK would otherwise repeat a submit by itself and pay twice.
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http,
            ),
        )

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        """Start the operation. `key` has no place in this upstream's protocol."""
        width, height = job.size
        try:
            image = await asyncio.to_thread(job.image_bytes)
        except OSError as error:
            return Broken("storage", clip_detail(error))
        picture = None if image is None else types.Image(image_bytes=image, mime_type=job.image_type)
        try:
            operation = await self._client.aio.models.generate_videos(
                model=self._settings.model,
                source=types.GenerateVideosSource(prompt=job.prompt, image=picture),
                config=types.GenerateVideosConfig(
                    number_of_videos=1,
                    duration_seconds=job.seconds,
                    aspect_ratio=job.aspect,
                    resolution=f"{min(width, height)}p",
                    output_gcs_uri=self._settings.output_uri,
                ),
            )
        except errors.APIError as error:
            return _failed_submit(error)
        except auth_exceptions.GoogleAuthError as error:
            return Broken("denied", clip_detail(repr(error)))  # no token, so nothing was asked for
        except _RAISED as error:
            return broken_submit(error)
        return Submitted(operation.name) if operation.name else broken_submit(ValueError("No operation name."))

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        """Ask for each operation."""
        return await poll_each(refs, self._poll)

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        """Take the video out of the finished operation, or download it from where the operation says it is."""
        try:
            video = _video_of(await self._operation(ref))
        except errors.APIError as error:
            outcome = failed_poll(error.code, _headers(error), error.message)
            return (
                outcome if isinstance(outcome, Busy | Broken) else Broken("fetch_refused", clip_detail(error.message))
            )
        except _RAISED as error:
            return broken_call(error)
        if video is None:
            return Broken("not_ready", "The operation holds no video.")
        if video.video_bytes:
            return await asyncio.to_thread(_write, video.video_bytes, destination)
        return await self._download(video.uri or "", destination)

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        """Impossible here."""
        return CannotLookUp()

    async def cancel(self, ref: str) -> bool:
        """Impossible here: a running operation is left to end."""
        return False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aio.aclose()
        await self._http.aclose()

    async def _operation(self, ref: str) -> types.GenerateVideosOperation:
        return await self._client.aio.operations.get(types.GenerateVideosOperation.model_validate({"name": ref}))

    async def _poll(self, ref: str) -> PollOutcome:
        try:
            operation = await self._operation(ref)
        except errors.APIError as error:
            return failed_poll(error.code, _headers(error), error.message)
        except _RAISED as error:
            return broken_call(error)
        return _state_of(operation, ref)

    async def _download(self, uri: str, destination: Path) -> FetchOutcome:
        """Only `gs://` of this account is followed: our token is sent nowhere else."""
        parts = urlsplit(uri)
        if parts.scheme != "gs" or not parts.netloc:
            return Broken("fetch_refused", clip_detail(f"The result's address is not usable: {uri}"))
        name = quote(parts.path.lstrip("/"), safe="")
        url = f"{self._settings.storage_url}/storage/v1/b/{quote(parts.netloc, safe='')}/o/{name}?alt=media"
        token = self._settings.credentials.token
        return await download(self._http, url, {"Authorization": f"Bearer {token}"}, destination)


def _failed_submit(error: errors.APIError) -> SubmitOutcome:
    code = str(error.status or "").lower()
    if error.code in BAD_REQUEST_STATUSES and not is_quota(code) and customer_reason(_ADAPTER, code) != "param_error":
        code = "bad_request"
    return failed_submit(error.code, code, _headers(error), error.message)


def _headers(error: errors.APIError) -> Mapping[str, str]:
    headers: Any = getattr(error.response, "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _state_of(operation: types.GenerateVideosOperation, ref: str) -> PollOutcome:
    if operation.name not in (None, ref):
        return Broken("wrong_answer", "The answer names another operation.")
    if not operation.done:
        return Pending()
    if operation.error:
        return _failed(operation.error)
    if _video_of(operation) is not None:
        return Succeeded()
    response = operation.response or operation.result
    if response is not None and response.rai_media_filtered_count:
        return Refused("filtered", clip_detail("; ".join(response.rai_media_filtered_reasons or [])))
    return Broken("empty", "The operation ended with neither a video nor a reason.", job_over=True)


def _failed(error: Mapping[str, Any]) -> PollOutcome:
    code = _RPC_CODES.get(error.get("code") or 0, "unknown")
    detail = clip_detail(f"{code}: {error.get('message', '')}")
    if customer_reason(_ADAPTER, code) == "param_error":
        return Refused(code, detail)
    if code == "resource_exhausted":
        return Busy("capacity", None, detail, job_over=True)
    return Broken(code, detail, job_over=True)


def _video_of(operation: types.GenerateVideosOperation) -> types.Video | None:
    response = operation.response or operation.result
    samples = (response.generated_videos if response else None) or []
    video = samples[0].video if samples else None
    return video if video is not None and (video.video_bytes or video.uri) else None


def _write(data: bytes, destination: Path) -> FetchOutcome:
    if len(data) > limits.VIDEO_SIZE_MAX_BYTES:
        return Broken("too_much_video", f"The video is larger than {limits.VIDEO_SIZE_MAX_BYTES} bytes.")
    part = part_path(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        return adopt(part, destination)
    except OSError as error:
        return Broken("storage", clip_detail(error))
    finally:
        part.unlink(missing_ok=True)
