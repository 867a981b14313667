"""The videos shape over real HTTP, with every fault: nothing is paid twice, nothing raises, nothing half-written."""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from upstream import Fault, Upstream, error_body, pictures, sample_video

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.protocol import Broken, Busy, Pending, Succeeded, VideoJob
from pilothouse.programs.video.providers.reasons import customer_reason

# The library of the wire takes two seconds to load, which the processes that do not run this file are spared.
if TYPE_CHECKING:
    from pilothouse.programs.video.providers.videos_api import VideosApiProvider

pytestmark = pytest.mark.http
JOB = VideoJob("itm_1", "A bottle by the sea", "9:16", 4)
Scene = Callable[[Upstream, "VideosApiProvider"], Awaitable[Any]]


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sample_video(tmp_path_factory.mktemp("video") / "sample.mp4")


@asynccontextmanager
async def stage(video: bytes, **settings: Any) -> AsyncIterator[tuple[Upstream, VideosApiProvider]]:
    from pilothouse.programs.video.providers.videos_api import VideosApiProvider, VideosApiSettings

    async with Upstream(video).running() as upstream:
        usual = VideosApiSettings(f"{upstream.base_url}/v1", "sk-test", "m")
        provider = VideosApiProvider(replace(usual, **settings))
        try:
            yield upstream, provider
        finally:
            await provider.aclose()


def play(video: bytes, scene: Scene, **settings: Any) -> Any:
    async def run() -> Any:
        async with stage(video, **settings) as (upstream, provider):
            return await scene(upstream, provider)

    return asyncio.run(run())


def test_a_job_from_submit_to_file_on_the_wire(video: bytes, photo: bytes, tmp_path: Path) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        job = replace(JOB, image=photo, image_type="image/jpeg")
        submitted = await provider.submit(job, "itm_1:1")
        assert submitted.kind == "submitted"
        _, path, headers, form = upstream.requests[0]
        assert path == "/v1/videos"
        assert headers["authorization"] == "Bearer sk-test"
        assert headers["idempotency-key"] == "itm_1:1"
        assert headers["content-type"].startswith("multipart/form-data")
        assert form == {"prompt": job.prompt, "model": "m", "seconds": "4", "size": "720x1280"}
        mine = upstream.jobs[submitted.ref]
        assert mine.image == photo
        assert await provider.poll([mine.id]) == {mine.id: Pending(0)}
        upstream.finish(mine, status="in_progress", progress=55)
        assert await provider.poll([mine.id]) == {mine.id: Pending(55)}
        upstream.finish(mine, status="completed", progress=100)
        assert await provider.poll([mine.id]) == {mine.id: Succeeded()}
        fetched = await provider.fetch(mine.id, tmp_path / "deep" / "out.mp4")
        assert fetched.kind == "fetched", fetched
        assert pictures(fetched.path.read_bytes()) == pictures(video)
        assert fetched.sha256 == hashlib.sha256(fetched.path.read_bytes()).hexdigest()
        assert (fetched.facts.width, fetched.facts.height, fetched.facts.frames) == (720, 1280, 3)
        assert await provider.cancel(mine.id) is True
        assert await provider.cancel(mine.id) is False

    play(video, scene)


def test_the_sdks_warning_is_not_ours_and_no_filter_of_the_process_changes(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            before = list(warnings.filters)
            await provider.submit(JOB, "k")
            await provider.poll(["video_1"])
            assert warnings.filters == before

    play(video, scene)


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault("answer", 429, {"Retry-After": "7"}, error_body("rate_limit_exceeded")), "busy", "capacity"),
        (Fault("answer", 503, {"Retry-After": "7"}, error_body("overloaded")), "busy", "capacity"),
        (Fault("answer", 429, {}, error_body("insufficient_quota")), "broken", "quota"),
        (Fault("answer", 400, {}, error_body("billing_hard_limit_reached")), "broken", "quota"),
        (Fault("answer", 400, {}, error_body("moderation_blocked")), "refused", "moderation_blocked"),
        (Fault("answer", 400, {}, error_body("a_code_of_tomorrow", kind="odd")), "refused", "bad_request"),
        (Fault("answer", 413, {}, None), "refused", "too_large"),
        (Fault("answer", 422, {}, {"detail": "no"}), "refused", "unprocessable"),
        (Fault("answer", 401, {}, error_body("invalid_api_key")), "broken", "denied"),
        (Fault("answer", 404, {}, error_body("model_not_found")), "broken", "denied"),
        (Fault("answer", 500, {}, error_body("server_error")), "broken", "server_error"),
        (Fault("answer", 502, {}, "bad gateway"), "broken", "server_error"),
        (Fault("answer", 504, {}, "gateway timeout"), "unknown", "lost_response"),
        (Fault("answer", 409, {}, error_body("conflict")), "unknown", "lost_response"),
        (Fault("reset"), "unknown", "lost_response"),
        (Fault("lost_answer"), "unknown", "lost_response"),
        (Fault("garbage"), "unknown", "lost_response"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else str(value),
)
def test_each_failed_submit_has_its_class_and_is_never_repeated(
    video: bytes, fault: Fault, kind: str, code: str
) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        upstream.faults["submit"].append(fault)
        outcome: Any = await provider.submit(JOB, "k")
        assert (outcome.kind, outcome.code) == (kind, code), outcome
        assert len(upstream.requests) == 1
        if fault.headers:
            assert outcome.retry_after_s == 7.0
        if kind == "refused":
            assert customer_reason(provider.adapter, outcome.code) == "param_error"

    play(video, scene)


def test_a_slow_submit_is_unknown_and_an_unreachable_one_is_broken(
    video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilothouse.programs.video.providers.videos_api import VideosApiProvider, VideosApiSettings

    monkeypatch.setattr(limits, "CALL_TIMEOUT_S", 0.3)

    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        upstream.faults["submit"].append(Fault("latency", seconds=1.0))
        slow: Any = await provider.submit(JOB, "k")
        assert (slow.kind, slow.code) == ("unknown", "lost_response")
        nowhere = VideosApiProvider(VideosApiSettings("http://127.0.0.1:1/v1", "sk", "m"))
        outcome: Any = await nowhere.submit(JOB, "k")
        assert (outcome.kind, outcome.code) == ("broken", "connection")
        await nowhere.aclose()

    play(video, scene)


def test_an_upstream_that_cannot_look_up_says_so(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        upstream.faults["submit"].append(Fault("lost_answer"))
        assert (await provider.submit(JOB, "k")).kind == "unknown"
        assert provider.capabilities.lookup is False
        assert (await provider.lookup(JOB, "k")).kind == "cannot_look_up"
        assert len(upstream.jobs) == 1, "looking up must not pay again"

    play(video, scene)


def test_a_lost_job_is_found_by_its_metadata_on_any_page(video: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOKUP_PAGE_ROWS", 2)
    monkeypatch.setattr(limits, "LOOKUP_PAGES_MAX", 3)

    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        assert (await provider.lookup(JOB, "k0")).kind == "not_found"
        upstream.faults["submit"].append(Fault("lost_answer"))
        for number in range(5):
            await provider.submit(JOB, f"k{number}")
        found: Any = await provider.lookup(JOB, "k0")
        assert found.kind == "submitted"
        assert upstream.jobs[found.ref].key == "k0"
        assert (await provider.lookup(JOB, "k9")).kind == "not_found"
        await provider.submit(JOB, "k5")
        await provider.submit(JOB, "k6")
        beyond = await provider.lookup(JOB, "k0")
        assert beyond.kind == "cannot_look_up", "what lies beyond the pages read is not proved absent"
        upstream.faults["list"].append(Fault("answer", 500))
        assert (await provider.lookup(JOB, "k6")).kind == "broken"
        upstream.faults["list"].append(Fault("reset"))
        assert (await provider.lookup(JOB, "k6")).kind == "broken"
        assert len(upstream.jobs) == 7

    play(video, scene, lookup="metadata")


def test_an_idempotent_upstream_answers_a_lookup_with_the_first_job(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        upstream.idempotent = True
        upstream.faults["submit"].append(Fault("lost_answer"))
        assert (await provider.submit(JOB, "k")).kind == "unknown"
        found: Any = await provider.lookup(JOB, "k")
        assert list(upstream.jobs) == [found.ref]

    play(video, scene, lookup="idempotency_key")


@pytest.mark.parametrize(
    ("error", "kind", "code", "reason"),
    [
        ({"code": "moderation_blocked", "message": "raw"}, "refused", "moderation_blocked", "param_error"),
        ({"code": "generation_timeout", "message": "raw"}, "broken", "generation_timeout", "timeout"),
        ({"code": "a_code_of_tomorrow", "message": "raw"}, "broken", "a_code_of_tomorrow", "model_error"),
        (
            {"code": "server_overloaded", "message": "raw", "headers": {"Retry-After": "9"}},
            "busy",
            "capacity",
            "timeout",
        ),
        (None, "broken", "failed", "model_error"),
    ],
)
def test_each_failed_job_has_its_class_and_its_customers_reason(
    video: bytes, error: dict[str, Any] | None, kind: str, code: str, reason: str
) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        upstream.finish(upstream.jobs[submitted.ref], status="failed", error=error)
        outcome: Any = (await provider.poll([submitted.ref]))[submitted.ref]
        assert (outcome.kind, outcome.code) == (kind, code)
        assert customer_reason(provider.adapter, outcome.code) == reason
        if kind != "refused":
            assert outcome.job_over is True
        if kind == "busy":
            assert outcome.retry_after_s == 9.0

    play(video, scene)


def test_a_poll_never_ends_a_job_that_may_still_run(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        first: Any = await provider.submit(JOB, "k1")
        second: Any = await provider.submit(JOB, "k2")
        for fault, kind in (
            (Fault("answer", 429, {"Retry-After": "3"}, error_body("rate_limit_exceeded")), "busy"),
            (Fault("answer", 500), "broken"),
            (Fault("reset"), "broken"),
            (Fault("garbage"), "broken"),
            (Fault("other_job"), "broken"),
            (Fault("answer", 403, {}, error_body("forbidden")), "unknown"),
            (Fault("answer", 404, {}, error_body("not_found")), "unknown"),
        ):
            upstream.faults["poll"].append(fault)
            outcome: Any = (await provider.poll([first.ref]))[first.ref]
            assert outcome.kind == kind, (fault, outcome)
            assert not getattr(outcome, "job_over", False)
        upstream.always["poll"] = Fault("answer", 403, {}, error_body("forbidden"))
        for _ in range(3):
            assert (await provider.poll([first.ref]))[first.ref].kind == "unknown"
        del upstream.always["poll"]
        upstream.finish(upstream.jobs[second.ref], status="completed")
        upstream.faults["poll"].extend([Fault("latency", seconds=0.2), Fault("latency", seconds=0.0)])
        answers = await provider.poll([first.ref, second.ref, first.ref])
        assert answers == {first.ref: Pending(0), second.ref: Succeeded()}, "answers out of order stay with their jobs"
        upstream.faults["poll"].append(Fault("stale"))
        assert (await provider.poll([second.ref]))[second.ref] == Pending(40)

    play(video, scene)


def test_a_large_set_is_polled_within_its_bound(video: bytes) -> None:
    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        refs = [getattr(await provider.submit(JOB, f"k{n}"), "ref", "") for n in range(40)]
        answers = await provider.poll(refs)
        assert list(answers) == refs
        assert 1 < upstream.peak_polls <= limits.POLLS_IN_FLIGHT_MAX

    play(video, scene)


def test_a_broken_download_leaves_no_file_and_can_be_repeated(
    video: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"

    async def scene(upstream: Upstream, provider: VideosApiProvider) -> None:
        submitted: Any = await provider.submit(JOB, "k")
        for fault, expected in (
            (Fault("truncate"), Broken("connection")),
            (Fault("short_file"), Broken("truncated")),
            (Fault("reset"), Broken("connection")),
            (Fault("answer", 404), Broken("fetch_refused")),
            (Fault("answer", 429, {"Retry-After": "2"}), Busy("capacity", 2.0)),
        ):
            upstream.faults["content"].append(fault)
            outcome: Any = await provider.fetch(submitted.ref, target)
            assert (outcome.kind, outcome.code) == (expected.kind, expected.code), (fault, outcome)
            assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240
        monkeypatch.setattr(limits, "VIDEO_SIZE_MAX_BYTES", 1_000)
        assert getattr(await provider.fetch(submitted.ref, target), "code", "") == "too_much_video"
        monkeypatch.setattr(limits, "VIDEO_SIZE_MAX_BYTES", 10_000_000)
        assert (await provider.fetch(submitted.ref, target)).kind == "fetched"
        assert (await provider.fetch(submitted.ref, target)).kind == "fetched"

    play(video, scene)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
