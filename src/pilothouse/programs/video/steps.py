"""One step of one item on a hidden provider: submit, look up, poll, or fetch.

Nothing here touches the database; what a step found out is returned as a `Step` and written for a whole set at once.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.files.commands import StoredObject, put_object
from pilothouse.kernel.files.content import MP4

from . import limits
from .dispatcher import Dispatcher
from .endings import Ending
from .providers import limits as provider_limits
from .providers.protocol import Broken, Busy, Provider, VideoJob
from .providers.reasons import customer_reason
from .providers.routing import broken_wait_s, capacity_wait_s

T = TypeVar("T")
Note = Callable[[Row, str, str], bool]
# An item whose submit may have been paid upstream carries its key instead of a reference until it is found.
LOOKUP = "lookup:"


@dataclass(frozen=True, slots=True)
class Attempted:
    """One call to a provider, for operators only."""

    provider: str
    step: str
    outcome: str
    error: str
    milliseconds: int


@dataclass
class Step:
    """What a step found out: the item ends, or goes on after `wait_s` with the columns that follow."""

    row: Row
    ending: Ending | None = None
    stored: StoredObject | None = None
    provider: str | None = None
    ref: str | None = None
    error: str | None = None
    attempt: int = 0
    waits: int = 0
    progress: int = 0
    wait_s: float = 0.0
    attempts: list[Attempted] = field(default_factory=list)

    @classmethod
    def of(cls, row: Row) -> "Step":
        """A step that leaves the item as it is."""
        return cls(
            row, provider=row["provider"], ref=row["provider_ref"], attempt=row["attempt"], waits=row["waits"],
            wait_s=limits.POLL_FIRST_S,
        )  # fmt: skip

    def fail(self, reason: str, error: str) -> "Step":
        """The item ends as failed and refunded."""
        self.error = error
        self.ending = Ending(self.row["id"], "refunded", token=self.row["token"], reason=reason)
        return self


class Stepper:
    """Takes steps with the providers of a dispatcher."""

    def __init__(
        self, dispatcher: Dispatcher, load_image: Callable[[Row], tuple[bytes, str] | None], note_submit: Note
    ) -> None:
        """`note_submit(row, provider, ref)` writes where a job is about to be sent, before it is; False forbids it."""
        self.dispatcher = dispatcher
        self.load_image = load_image
        self.note_submit = note_submit

    async def take(self, row: Row) -> Step:
        """One step of a claimed item: {id, public_id, tenant, token, mode, params, image, provider, provider_ref,
        attempt, waits, timed_out, running_s}."""
        step = Step.of(row)
        provider = self.dispatcher.get(row["provider"]) if row["provider"] else None
        if row["timed_out"]:
            if provider is not None and row["provider_ref"] and not row["provider_ref"].startswith(LOOKUP):
                await self._call(step, provider, "cancel", provider.cancel(row["provider_ref"]))
            return step.fail("timeout", "item_timeout")
        job = await asyncio.to_thread(self._job, row)
        if provider is None or row["provider_ref"] is None:
            return await self._submit(step, job)
        if row["provider_ref"].startswith(LOOKUP):
            return await self._look_up(step, provider, job)
        return await self._poll(step, provider)

    def _job(self, row: Row) -> VideoJob:
        params = row["params"]
        image = self.load_image(row)
        return VideoJob(
            item=row["public_id"],
            prompt=params["prompt"],
            aspect=params["aspect"],
            seconds=params["seconds"],
            image=image[0] if image else None,
            image_type=image[1] if image else None,
        )

    async def _submit(self, step: Step, job: VideoJob) -> Step:
        """Choose a provider and ask it. The key names item and attempt, so the same try is never paid twice.

        1. Choose, and write provider and key down. That is refused when the row is no longer ours or a gate closed.
        2. Ask. If this process dies before the answer is written, the next one looks the job up by its key.
        """
        decision = self.dispatcher.decide(job, step.row["mode"], step.attempt)
        if decision.kind == "no_route":
            return step.fail(_no_route_reason(decision.cause), step.error or decision.cause)
        if decision.kind == "wait":
            return self._wait_for_capacity(step, decision.cause, decision.seconds)
        provider = self.dispatcher.get(decision.provider)
        assert provider is not None
        key = f"{job.item}.{step.attempt}"
        if not await asyncio.to_thread(self.note_submit, step.row, provider.name, LOOKUP + key):
            step.provider = None
            return step
        answer = await self._call(step, provider, "submit", provider.submit(job, key))
        step.provider = provider.name
        match answer.kind:
            case "submitted":
                step.ref, step.error, step.wait_s = answer.ref, None, limits.POLL_FIRST_S
            case "unknown":
                step.ref, step.error, step.wait_s = LOOKUP + key, answer.code, provider_limits.LOOKUP_DELAY_S
            case "refused":
                return step.fail(customer_reason(provider.adapter, answer.code), f"{answer.code}: {answer.detail}")
            case "busy":
                return self._wait_for_capacity(step, answer.code, answer.retry_after_s)
            case "broken":
                return self._retry(step, answer)
        return step

    async def _look_up(self, step: Step, provider: Provider, job: VideoJob) -> Step:
        key = step.row["provider_ref"].removeprefix(LOOKUP)
        answer = await self._call(step, provider, "lookup", provider.lookup(job, key))
        step.wait_s = provider_limits.LOOKUP_DELAY_S
        if answer.kind == "submitted":
            step.ref, step.wait_s = answer.ref, limits.POLL_FIRST_S
        elif answer.kind == "not_found":
            # The upstream never had it: the same key may be submitted again.
            step.ref, step.wait_s = None, 0.0
        elif answer.kind == "refused":
            return step.fail(customer_reason(provider.adapter, answer.code), f"{answer.code}: {answer.detail}")
        return step

    async def _poll(self, step: Step, provider: Provider) -> Step:
        ref = step.row["provider_ref"]
        answer = await self._call(step, provider, "poll", self.dispatcher.poll(provider, ref))
        match answer.kind:
            case "succeeded":
                return await self._fetch(step, provider, ref)
            case "refused":
                return step.fail(customer_reason(provider.adapter, answer.code), f"{answer.code}: {answer.detail}")
            case "broken" if answer.job_over:
                return self._retry(step, answer)
            case "busy" if answer.job_over:
                return self._wait_for_capacity(step, answer.code, answer.retry_after_s)
            case "pending":
                step.progress = min(99, answer.progress or 0)
        step.wait_s = _poll_wait_s(step.row["running_s"])
        return step

    async def _fetch(self, step: Step, provider: Provider, ref: str) -> Step:
        with tempfile.TemporaryDirectory(prefix="video-") as folder:
            answer = await self._call(step, provider, "fetch", provider.fetch(ref, Path(folder) / "video.mp4"))
            if answer.kind == "fetched":
                step.stored = await asyncio.to_thread(_store, step.row["tenant"], answer.path)
                step.ending = Ending(
                    step.row["id"], "succeeded", token=step.row["token"], output=step.stored.public_id,
                    size_bytes=answer.size_bytes, media_sha256=answer.sha256,
                )  # fmt: skip
                return step
        if answer.kind == "refused":
            return step.fail(customer_reason(provider.adapter, answer.code), f"{answer.code}: {answer.detail}")
        if answer.job_over:
            return self._retry(step, answer)
        step.wait_s = _poll_wait_s(step.row["running_s"])
        return step

    def _wait_for_capacity(self, step: Step, code: str, retry_after_s: float | None) -> Step:
        """Capacity is waited out inside `running`: it burns no attempt, and ITEM_TIMEOUT ends the waiting."""
        step.wait_s = capacity_wait_s(step.row["public_id"], step.waits, retry_after_s)
        step.waits += 1
        step.provider = step.ref = None
        step.error = code
        return step

    def _retry(self, step: Step, answer: Broken | Busy) -> Step:
        """A broken call is tried again with jittered backoff; routing fails over, and gives up when all are used."""
        step.attempt += 1
        step.provider = step.ref = None
        step.error = f"{answer.code}: {answer.detail}"
        step.wait_s = broken_wait_s(step.row["public_id"], step.attempt)
        return step

    async def _call(self, step: Step, provider: Provider, name: str, call: Awaitable[T]) -> T:
        """Await a provider's answer, and note it for operators and for the circuit breaker."""
        began = machine.steady()
        answer = await call
        took = machine.steady() - began
        kind = str(getattr(answer, "kind", answer))
        self.dispatcher.record(provider.name, kind)
        if name != "poll" or kind != "pending":
            detail = f"{getattr(answer, 'code', '')} {getattr(answer, 'detail', '')}".strip()
            step.attempts.append(Attempted(provider.name, name, kind, detail[:500], int(took * 1000)))
        return answer


def _no_route_reason(cause: str) -> str:
    """Waiting will not help: no provider can make it, or each was tried in vain (the last error stays on the row)."""
    return "param_error" if cause == "unsupported" else "model_error"


def _store(tenant: int, path: Path) -> StoredObject:
    with path.open("rb") as file:
        return put_object(tenant, file, (MP4,))


def _poll_wait_s(running_s: float | None) -> float:
    """Poll often at first and ever less: a tenth of the time it has run, half a second to ten seconds."""
    longest = min(limits.POLL_MAX_S, max(limits.POLL_FIRST_S, (running_s or 0.0) / 10))
    return longest * machine.uniform(0.9, 1.1)
