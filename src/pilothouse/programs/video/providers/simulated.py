"""A simulated upstream for rehearsals, tests and test keys: seeded, stateless, and free of any wall clock.

What becomes of a job follows from the profile's seed, the job's content and its key alone, and when it happens from the
given `now`, so that a rehearsal in moved time gives the same story each run. The ref carries all that a poll needs.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.intake import adopt
from pilothouse.programs.video.providers.media import BrokenImage, check_image, part_path
from pilothouse.programs.video.providers.policy import refused_word
from pilothouse.programs.video.providers.protocol import (
    SIZES,
    Aspect,
    Broken,
    Busy,
    Capabilities,
    FetchOutcome,
    LookupOutcome,
    Pending,
    PollOutcome,
    Refused,
    SubmitOutcome,
    Submitted,
    Succeeded,
    Unknown,
    VideoJob,
    clip_detail,
    content_hash,
)
from pilothouse.programs.video.providers.render.encode import encode_mp4
from pilothouse.programs.video.providers.render.planes import Planes

_ASPECTS: Final[tuple[Aspect, ...]] = ("9:16", "16:9", "1:1")
_REF: Final = re.compile(r"sim-([0-9a-f]{32})-([0-2])-(\d{1,2})-(\d{1,20})")
_SCALE: Final = 16**8


@dataclass(frozen=True, slots=True)
class SimulatedProfile:
    """How the upstream behaves. Ratios are 0..1 of jobs, lengths are seconds of the given clock.

    `latency_s` is the least and the most a job takes. Fates are drawn in this order and exclude one another: `refused`
    (final), `broken` (the job fails and may be tried again), `timeout` (fails with the upstream's own timeout), `stuck`
    (never ends), `late` (succeeds `late_s` later). `busy` and `lost_answer` concern the submit and come on top: busy
    is drawn anew each ten seconds, a lost answer leaves a job that only `lookup` finds.
    """

    seed: str = "pilothouse"
    latency_s: tuple[float, float] = (2.0, 12.0)
    refused: float = 0.0
    broken: float = 0.0
    timeout: float = 0.0
    stuck: float = 0.0
    late: float = 0.0
    late_s: float = 1_200.0
    busy: float = 0.0
    busy_retry_after_s: float | None = 5.0
    lost_answer: float = 0.0

    def __post_init__(self) -> None:
        ratios = (self.refused, self.broken, self.timeout, self.stuck, self.late)
        if any(not 0 <= ratio <= 1 for ratio in (*ratios, self.busy, self.lost_answer)) or sum(ratios) > 1:
            raise ValueError("Ratios of a simulated profile are 0 to 1, those of the fates together at most 1.")
        if not 0 <= self.latency_s[0] <= self.latency_s[1] or self.late_s < 0:
            raise ValueError("Latencies of a simulated profile are not negative, the least before the most.")


class SimulatedProvider:
    """The simulated upstream. `now` returns seconds on any clock that moves forward."""

    def __init__(
        self, now: Callable[[], float], profile: SimulatedProfile | None = None, *, name: str = "simulated"
    ) -> None:
        self.name = name
        self.adapter = "simulated"
        self.capabilities = Capabilities(lookup=True)
        self._now = now
        self._profile = profile or SimulatedProfile()
        self._refs: OrderedDict[str, str] = OrderedDict()

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        """Take the job, refuse it, be busy, or lose the answer, as the profile says."""
        word = refused_word(job.prompt)
        if word is not None:
            return Refused("content_policy", f"The prompt holds the word {word!r}.")
        try:
            image = await asyncio.to_thread(job.image_bytes)
            if image is not None and job.image_type is not None:
                await asyncio.to_thread(check_image, image, job.image_type)
        except BrokenImage as error:
            return Refused(error.code, str(error))
        except OSError as error:
            return Broken("storage", clip_detail(error))
        if key not in self._refs:
            window = str(int(self._now() // limits.SIMULATED_BUSY_WINDOW_S))
            if self._draw("busy", key, window) < self._profile.busy:
                return Busy("capacity", self._profile.busy_retry_after_s)
            self._remember(job, key)
            if self._draw("lost", key) < self._profile.lost_answer:
                return Unknown("lost_response", "The answer of the submit was lost.")
        return Submitted(self._refs[key])

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        """The whole set at once."""
        return {ref: self._state(ref) for ref in refs}

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        """Write a small but whole video of the asked size and length."""
        match = _REF.fullmatch(ref)
        if match is None:
            return Broken("lost", "No job has that ref.", job_over=True)
        if self._state(ref).kind != "succeeded":
            return Broken("not_ready", "The job has no video.")
        digest, aspect, seconds, _ = match.groups()
        try:
            return await asyncio.to_thread(_write, digest, _ASPECTS[int(aspect)], int(seconds), destination)
        except OSError as error:
            return Broken("storage", clip_detail(error))

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        """The job under that key; one whose memory was lost with its process begins anew under the same fate."""
        if key not in self._refs:
            self._remember(job, key)
        return Submitted(self._refs[key])

    async def cancel(self, ref: str) -> bool:
        """Jobs here cannot be stopped."""
        return False

    async def aclose(self) -> None:
        """Nothing is held."""

    def _draw(self, *parts: str) -> float:
        """A number 0..1 that follows from the seed and `parts`."""
        return int(content_hash(self._profile.seed, *parts)[:8], 16) / _SCALE

    def _remember(self, job: VideoJob, key: str) -> None:
        digest = content_hash(job.prompt, job.aspect, str(job.seconds), key)[:32]
        start_ms = max(0, round(self._now() * 1000))
        self._refs[key] = f"sim-{digest}-{_ASPECTS.index(job.aspect)}-{job.seconds}-{start_ms}"
        while len(self._refs) > limits.SIMULATED_KEYS_MAX:
            self._refs.popitem(last=False)

    def _state(self, ref: str) -> PollOutcome:
        match = _REF.fullmatch(ref)
        if match is None:
            return Broken("lost", "No job has that ref.", job_over=True)
        profile, digest = self._profile, match.group(1)
        least, most = profile.latency_s
        takes_s = least + (most - least) * self._draw("latency", digest)
        fate = self._fate(digest)
        if fate == "late":
            takes_s += profile.late_s
        age_s = self._now() - int(match.group(4)) / 1000
        if fate == "stuck" or age_s < takes_s:
            # A stuck job stops at ninety-nine, as real ones do.
            return Pending(max(0, min(99, int(100 * age_s / takes_s))) if takes_s > 0 else 99)
        if fate == "refused":
            return Refused("content_policy", "Refused by the profile.")
        if fate == "broken":
            return Broken("model_error", "Broken by the profile.", job_over=True)
        if fate == "timeout":
            return Broken("model_timeout", "Timed out by the profile.", job_over=True)
        return Succeeded()

    def _fate(self, digest: str) -> str:
        drawn = self._draw("fate", digest)
        for fate in ("refused", "broken", "timeout", "stuck", "late"):
            drawn -= getattr(self._profile, fate)
            if drawn < 0:
                return fate
        return "succeeded"


def _write(digest: str, aspect: Aspect, seconds: int, destination: Path) -> FetchOutcome:
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = part_path(destination)
    rate = limits.SIMULATED_FRAME_RATE_FPS
    try:
        encode_mp4(_frames(digest, SIZES[aspect], seconds * rate), SIZES[aspect], part, rate)
        return adopt(part, destination, ours=True)
    finally:
        part.unlink(missing_ok=True)


def _frames(digest: str, size: tuple[int, int], count: int) -> Iterator[Planes]:
    """Flat colour with a bar that grows frame by frame; the colour comes from the digest."""
    half = (size[0] // 2, size[1] // 2)
    luma, blue, red = (40 + int(digest[at : at + 2], 16) // 4 for at in (0, 2, 4))
    for number in range(count):
        ground = Image.new("L", size, luma)
        ground.paste(210, (0, size[1] - 24, size[0] * (number + 1) // count, size[1]))
        yield Planes(ground, Image.new("L", half, 64 + blue), Image.new("L", half, 64 + red))
