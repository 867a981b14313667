"""The one protocol behind which every video upstream stands, and the values it answers with.

Outcome classes (`kind`), the same for submit and poll wherever they can occur:

* ``refused``  final: the upstream will never make this video. Customer reason from `reasons`.
* ``busy``     no capacity now (429, 503). Wait `retry_after_s` or the house's own schedule; burns no attempt.
* ``broken``   a call or a job went wrong (5xx, connection). Retry with jittered backoff, at most
  ``limits.BROKEN_ATTEMPTS_MAX`` attempts, then fail over.
* ``unknown``  the upstream may hold a paid job that we cannot see. Never submit again; look it up, else keep the item
  running until ITEM_TIMEOUT.

`job_over` on a poll's busy or broken answer says whether the upstream job has ended. If it has, a new submit under a
new key is lawful; if not, only poll again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, runtime_checkable

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.media import VideoFacts

Aspect = Literal["9:16", "16:9", "1:1"]

SIZES: Final[Mapping[Aspect, tuple[int, int]]] = {"9:16": (720, 1280), "16:9": (1280, 720), "1:1": (720, 720)}
IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


class InvalidJob(ValueError):
    """A job breaks the bounds of this room. The API checks the same bounds first, so this is a caller's mistake."""

    code = "invalid_video_job"


@dataclass(frozen=True, slots=True)
class VideoJob:
    """One item as an upstream sees it.

    `item` is the public id (text), `seconds` whole seconds 1..12, `image` the product picture's bytes or a path, with
    its content type. Raises InvalidJob when a value is out of bounds.
    """

    item: str
    prompt: str
    aspect: Aspect
    seconds: int
    image: bytes | Path | None = field(default=None, repr=False)
    image_type: str | None = None

    def __post_init__(self) -> None:
        if not self.item or not self.prompt.strip():
            raise InvalidJob("A video job needs an item id and a prompt.")
        if len(self.prompt) > limits.PROMPT_LENGTH_MAX_CHARS or "\x00" in self.prompt:
            raise InvalidJob(f"A prompt is at most {limits.PROMPT_LENGTH_MAX_CHARS} characters and holds no NUL.")
        if self.aspect not in SIZES:
            raise InvalidJob(f"The aspect {self.aspect!r} is none of {', '.join(SIZES)}.")
        if type(self.seconds) is not int or not limits.JOB_SECONDS_MIN <= self.seconds <= limits.JOB_SECONDS_MAX:
            raise InvalidJob(f"Seconds are a whole number {limits.JOB_SECONDS_MIN} to {limits.JOB_SECONDS_MAX}.")
        if (self.image is None) != (self.image_type is None):
            raise InvalidJob("An image and its content type are given together or not at all.")
        if self.image_type is not None and self.image_type not in IMAGE_TYPES:
            raise InvalidJob(f"The image type {self.image_type!r} is none of {', '.join(sorted(IMAGE_TYPES))}.")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return SIZES[self.aspect]

    def image_bytes(self) -> bytes | None:
        """The picture's bytes, read from its path if it was given as one. Raises OSError if that file is gone."""
        if isinstance(self.image, Path):
            with self.image.open("rb") as file:
                return file.read(limits.IMAGE_SIZE_MAX_BYTES + 1)
        return self.image


@dataclass(frozen=True, slots=True)
class Submitted:
    """The upstream took the job; `ref` is its text id there (internal, never shown to a customer)."""

    ref: str
    kind: Literal["submitted"] = "submitted"


@dataclass(frozen=True, slots=True)
class Pending:
    """The upstream works on it; `progress` is 0..100 or None when it does not say."""

    progress: int | None = None
    kind: Literal["pending"] = "pending"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The upstream has a video ready to `fetch`."""

    kind: Literal["succeeded"] = "succeeded"


@dataclass(frozen=True, slots=True)
class Refused:
    """Final refusal. `code` is the adapter's error code (internal), `detail` text for operators only."""

    code: str
    detail: str = ""
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Busy:
    """No capacity now; `retry_after_s` as the upstream asked, or None. `job_over`: see the module's text."""

    code: str
    retry_after_s: float | None = None
    detail: str = ""
    job_over: bool = False
    kind: Literal["busy"] = "busy"


@dataclass(frozen=True, slots=True)
class Broken:
    """A call or a job failed and may be tried again. `job_over`: see the module's text."""

    code: str
    detail: str = ""
    job_over: bool = False
    kind: Literal["broken"] = "broken"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A paid job may exist that cannot be seen now; bounded by ITEM_TIMEOUT, money stays reserved."""

    code: str
    detail: str = ""
    kind: Literal["unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole, checked video file. `size_bytes` and lower-case hex `sha256` are of the file at `path`, `facts` what
    its picture stream holds."""

    path: Path
    size_bytes: int
    sha256: str
    facts: VideoFacts
    kind: Literal["fetched"] = "fetched"


@dataclass(frozen=True, slots=True)
class NotFound:
    """The upstream has no job under that key: submitting again under the same key is lawful."""

    kind: Literal["not_found"] = "not_found"


@dataclass(frozen=True, slots=True)
class CannotLookUp:
    """This upstream offers no way to find a job by key: the item stays unknown until ITEM_TIMEOUT."""

    kind: Literal["cannot_look_up"] = "cannot_look_up"


SubmitOutcome = Submitted | Refused | Busy | Broken | Unknown
PollOutcome = Pending | Succeeded | Refused | Busy | Broken | Unknown
FetchOutcome = Fetched | Refused | Busy | Broken
LookupOutcome = Submitted | NotFound | CannotLookUp | Refused | Busy | Broken | Unknown


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an upstream can make; routing passes over one that cannot make the job.

    `seconds` are the allowed clip lengths, `aspects` the allowed shapes, `images` whether it takes a product picture,
    `lookup` whether `Provider.lookup` can ever find a job.
    """

    aspects: frozenset[Aspect] = frozenset(SIZES)
    seconds: frozenset[int] = frozenset(range(limits.JOB_SECONDS_MIN, limits.JOB_SECONDS_MAX + 1))
    images: bool = True
    lookup: bool = False

    def can_make(self, job: VideoJob) -> bool:
        """Whether aspect, length and picture of the job are within these bounds."""
        return job.aspect in self.aspects and job.seconds in self.seconds and (self.images or job.image is None)


@runtime_checkable
class Provider(Protocol):
    """One upstream. All calls are idempotent under the same key or ref, bounded in time, and never raise for what an
    upstream does: they answer with a value. `name` is internal and never leaves the server."""

    @property
    def name(self) -> str: ...

    @property
    def adapter(self) -> str:
        """The kind of adapter, by which `reasons.customer_reason` reads its codes."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        """Ask for the video. `key` names the item and attempt; the same key never makes two paid jobs on purpose."""
        ...

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        """State of a set of jobs, exactly one answer for each distinct ref."""
        ...

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        """Write the finished video to `destination`, atomically and only when it is whole."""
        ...

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        """Find the job that a submit with an unknown outcome may have made. Call ``limits.LOOKUP_DELAY_S`` later."""
        ...

    async def cancel(self, ref: str) -> bool:
        """Ask the upstream to stop; True when it certainly will. Money is never decided by this answer."""
        ...

    async def aclose(self) -> None:
        """Release connections and processes. Safe to call twice."""
        ...


def clip_detail(value: object) -> str:
    """An error as bounded text for operators, without NUL or line breaks."""
    return " ".join(str(value).replace("\x00", "").split())[: limits.ERROR_DETAIL_MAX_CHARS]


def content_hash(*parts: bytes | str) -> str:
    """SHA-256 hex over length-prefixed parts, so that no two different lists of parts collide by concatenation."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def file_hash(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 hex of a file. Raises OSError."""
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb") as file:
        while chunk := file.read(limits.FETCH_CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return size_bytes, digest.hexdigest()
