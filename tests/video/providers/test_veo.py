"""Long-running operations over real HTTP: refusals that look like successes, bounded unknowns, results on storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from upstream import SERVICE, Fault, Upstream, pictures, rpc_error, sample_video

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.protocol import Pending, Succeeded, VideoJob
from pilothouse.programs.video.providers.reasons import customer_reason

# Google's library takes a second to load, which the processes that do not run this file are spared.
if TYPE_CHECKING:
    from pilothouse.programs.video.providers.veo import VeoProvider

pytestmark = pytest.mark.http
JOB = VideoJob("itm_1", "A bottle by the sea", "9:16", 4)
Scene = Callable[[Upstream, "VeoProvider"], Awaitable[Any]]


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sample_video(tmp_path_factory.mktemp("video") / "sample.mp4")


def play(video: bytes, scene: Scene, **settings: Any) -> Any:
    from google.oauth2.credentials import Credentials

    from pilothouse.programs.video.providers.veo import VeoProvider, VeoSettings

    async def run() -> Any:
        async with Upstream(video).running() as upstream:
            credentials = Credentials("static-token")  # type: ignore[no-untyped-call]
            usual = VeoSettings("p", "l", "m", credentials, base_url=upstream.base_url, storage_url=upstream.base_url)
            provider = VeoProvider(replace(usual, **settings))
            try:
                return await scene(upstream, provider)
            finally:
                await provider.aclose()

    return asyncio.run(run())


def test_an_operation_from_submit_to_file_on_the_wire(video: bytes, photo: bytes, tmp_path: Path) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        submitted: Any = await provider.submit(replace(JOB, image=photo, image_type="image/jpeg"), "k")
        assert submitted.kind == "submitted", submitted
        _, path, headers, body = upstream.requests[0]
        assert path == f"/v1beta1/{SERVICE}:predictLongRunning"
        assert headers["authorization"] == "Bearer static-token"
        assert body["parameters"] == {
            "sampleCount": 1,
            "durationSeconds": 4,
            "aspectRatio": "9:16",
            "resolution": "720p",
        }
        operation = upstream.jobs[submitted.ref]
        assert operation.image == photo
        assert await provider.poll([operation.id]) == {operation.id: Pending()}
        assert getattr(await provider.fetch(operation.id, tmp_path / "early.mp4"), "code", "") == "not_ready"
        upstream.finish(operation, **upstream.inline())
        assert await provider.poll([operation.id]) == {operation.id: Succeeded()}
        fetched: Any = await provider.fetch(operation.id, tmp_path / "out.mp4")
        assert fetched.kind == "fetched", fetched
        assert pictures(fetched.path.read_bytes()) == pictures(video)
        assert fetched.facts.frames == 3

    play(video, scene)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_done_with_nothing_but_a_filtered_count_is_a_refusal(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        operation = upstream.jobs[submitted.ref]
        reasons = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["raw upstream words"]}
        upstream.finish(operation, done=True, response=reasons)
        outcome: Any = (await provider.poll([operation.id]))[operation.id]
        assert (outcome.kind, outcome.code) == ("refused", "filtered")
        assert customer_reason(provider.adapter, outcome.code) == "param_error"
        upstream.finish(operation, done=True, response={})
        outcome = (await provider.poll([operation.id]))[operation.id]
        assert (outcome.kind, outcome.code, outcome.job_over) == ("broken", "empty", True)

    play(video, scene)


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (3, "refused", "param_error"),
        (4, "broken", "timeout"),
        (8, "busy", "timeout"),
        (13, "broken", "model_error"),
        (14, "broken", "model_error"),
        (99, "broken", "model_error"),
    ],
)
def test_each_failed_operation_has_its_class(video: bytes, code: int, kind: str, reason: str) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        upstream.finish(upstream.jobs[submitted.ref], done=True, error={"code": code, "message": "raw"})
        outcome: Any = (await provider.poll([submitted.ref]))[submitted.ref]
        assert outcome.kind == kind
        assert customer_reason(provider.adapter, outcome.code) == reason
        assert kind == "refused" or outcome.job_over is True

    play(video, scene)


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault("answer", 429, {"Retry-After": "7"}, rpc_error(429, "RESOURCE_EXHAUSTED")), "busy", "capacity"),
        (Fault("answer", 503, {"Retry-After": "7"}, rpc_error(503, "UNAVAILABLE")), "busy", "capacity"),
        (Fault("answer", 400, {}, rpc_error(400, "INVALID_ARGUMENT")), "refused", "invalid_argument"),
        (Fault("answer", 403, {}, rpc_error(403, "PERMISSION_DENIED")), "broken", "denied"),
        (Fault("answer", 500, {}, rpc_error(500, "INTERNAL")), "broken", "server_error"),
        (Fault("answer", 504, {}, rpc_error(504, "DEADLINE_EXCEEDED")), "unknown", "lost_response"),
        (Fault("reset"), "unknown", "lost_response"),
        (Fault("lost_answer"), "unknown", "lost_response"),
        (Fault("garbage"), "unknown", "lost_response"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else str(value),
)
def test_each_failed_submit_has_its_class_and_is_never_repeated(
    video: bytes, fault: Fault, kind: str, code: str
) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        upstream.faults["submit"].append(fault)
        outcome: Any = await provider.submit(JOB, "k")
        assert (outcome.kind, outcome.code) == (kind, code), outcome
        assert len(upstream.requests) == 1
        assert len(upstream.jobs) <= 1
        if fault.headers:
            assert outcome.retry_after_s == 7.0
        assert (await provider.lookup(JOB, "k")).kind == "cannot_look_up"
        assert len(upstream.requests) == 1

    play(video, scene)


def test_a_slow_submit_is_unknown_and_an_unreachable_one_is_broken(
    video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.oauth2.credentials import Credentials

    from pilothouse.programs.video.providers.veo import VeoProvider, VeoSettings

    monkeypatch.setattr(limits, "CALL_TIMEOUT_S", 0.3)

    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        upstream.faults["submit"].append(Fault("latency", seconds=1.0))
        slow: Any = await provider.submit(JOB, "k")
        assert (slow.kind, slow.code) == ("unknown", "lost_response"), slow
        credentials = Credentials("static-token")  # type: ignore[no-untyped-call]
        nowhere = VeoProvider(VeoSettings("p", "l", "m", credentials, base_url="http://127.0.0.1:1"))
        outcome: Any = await nowhere.submit(JOB, "k")
        assert (outcome.kind, outcome.code) == ("broken", "connection"), outcome
        await nowhere.aclose()

    play(video, scene)


def test_accepted_but_never_pollable_stays_unknown_and_is_not_submitted_again(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        upstream.always["poll"] = Fault("answer", 403, {}, rpc_error(403, "PERMISSION_DENIED"))
        for _ in range(3):
            outcome: Any = (await provider.poll([submitted.ref]))[submitted.ref]
            assert (outcome.kind, outcome.code) == ("unknown", "poll_denied")
            assert customer_reason(provider.adapter, outcome.code) == "timeout"
        assert [name for name, *_ in upstream.requests] == ["submit", "poll", "poll", "poll"]

    play(video, scene)


def test_a_poll_never_ends_an_operation_that_may_still_run(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        first: Any = await provider.submit(JOB, "k1")
        second: Any = await provider.submit(JOB, "k2")
        upstream.finish(upstream.jobs[second.ref], **upstream.inline())
        for fault, kind in (
            (Fault("answer", 429, {}, rpc_error(429, "RESOURCE_EXHAUSTED")), "busy"),
            (Fault("answer", 500, {}, rpc_error(500, "INTERNAL")), "broken"),
            (Fault("reset"), "broken"),
            (Fault("garbage"), "broken"),
            (Fault("other_job"), "broken"),
        ):
            upstream.faults["poll"].append(fault)
            outcome: Any = (await provider.poll([first.ref]))[first.ref]
            assert outcome.kind == kind, (fault, outcome)
            assert not getattr(outcome, "job_over", False)
        upstream.faults["poll"].append(Fault("latency", seconds=0.2))
        assert await provider.poll([first.ref, second.ref]) == {first.ref: Pending(), second.ref: Succeeded()}

    play(video, scene)


def test_results_on_storage_are_followed_only_there(video: bytes, tmp_path: Path) -> None:
    async def scene(upstream: Upstream, provider: VeoProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        operation = upstream.jobs[submitted.ref]

        def at(uri: str) -> dict[str, Any]:
            return {"done": True, "response": {"videos": [{"gcsUri": uri, "mimeType": "video/mp4"}]}}

        upstream.finish(operation, **at("gs://bucket/a folder/out.mp4"))
        assert (await provider.poll([operation.id]))[operation.id] == Succeeded()
        upstream.faults["content"].append(Fault("truncate"))
        assert (await provider.fetch(operation.id, tmp_path / "out.mp4")).kind == "broken"
        fetched: Any = await provider.fetch(operation.id, tmp_path / "out.mp4")
        assert fetched.kind == "fetched", fetched
        assert upstream.requests[-1][2]["authorization"] == "Bearer static-token"
        before = len(upstream.requests)
        for foreign in ("http://169.254.169.254/token", f"{upstream.base_url}/storage", "file:///etc/passwd", "gs://"):
            upstream.finish(operation, **at(foreign))
            assert getattr(await provider.fetch(operation.id, tmp_path / "no.mp4"), "code", "") == "fetch_refused"
        assert len(upstream.requests) == before + 4, "only the operation itself was asked for"
        upstream.finish(operation, **upstream.inline(video[: len(video) // 2]))
        assert getattr(await provider.fetch(operation.id, tmp_path / "no.mp4"), "code", "") == "truncated"

    play(video, scene, output_uri="gs://bucket/a folder")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
