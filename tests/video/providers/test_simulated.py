"""The simulated upstream: one story for one seed, told by the given clock."""

import asyncio
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pilothouse.programs.video.providers.protocol import Aspect, Pending, Provider, VideoJob
from pilothouse.programs.video.providers.simulated import SimulatedProfile, SimulatedProvider

pytestmark = pytest.mark.unit


class Clock:
    """Seconds that move when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def job(number: int = 1, prompt: str = "sea", aspect: Aspect = "9:16", seconds: int = 4) -> VideoJob:
    return VideoJob(f"itm_{number}", f"{prompt} {number}", aspect, seconds)


async def story(profile: SimulatedProfile, count: int = 400) -> dict[str, tuple[str, str]]:
    clock = Clock()
    provider = SimulatedProvider(clock, profile)
    refs: dict[str, str] = {}
    ends: dict[str, tuple[str, str]] = {}
    for number in range(count):
        outcome = await provider.submit(job(number), f"k{number}")
        if outcome.kind == "submitted":
            refs[f"k{number}"] = outcome.ref
        else:
            ends[f"k{number}"] = ("submit", outcome.kind)
    clock.seconds += 30
    answers = await provider.poll(list(refs.values()))
    return ends | {key: ("poll", answers[ref].kind) for key, ref in refs.items()}


def test_it_is_a_provider() -> None:
    assert isinstance(SimulatedProvider(Clock()), Provider)


def test_one_seed_tells_one_story_and_another_seed_another() -> None:
    profile = SimulatedProfile(
        "a", refused=0.1, broken=0.1, timeout=0.1, stuck=0.1, late=0.1, busy=0.1, lost_answer=0.1
    )
    first, again = asyncio.run(story(profile)), asyncio.run(story(profile))
    assert first == again
    assert first != asyncio.run(story(SimulatedProfile("b", broken=0.3)))
    counts = Counter(first.values())
    # Of 400 jobs about 40 are busy and 36 lost; of the other 324 each fate has about a tenth, half succeed.
    assert 20 <= counts["submit", "busy"] <= 60
    assert 16 <= counts["submit", "unknown"] <= 56
    assert 16 <= counts["poll", "refused"] <= 50
    assert 40 <= counts["poll", "broken"] <= 90
    assert 40 <= counts["poll", "pending"] <= 90
    assert 120 <= counts["poll", "succeeded"] <= 210


def test_progress_rises_and_late_jobs_succeed_late() -> None:
    async def run() -> None:
        clock = Clock()
        provider = SimulatedProvider(clock, SimulatedProfile(latency_s=(10, 10), late=1.0, late_s=1_000))
        submitted: Any = await provider.submit(job(), "k")
        assert await provider.submit(job(), "k") == submitted, "the same key is the same job"
        seen = []
        for _ in range(10):
            outcome = (await provider.poll([submitted.ref]))[submitted.ref]
            assert isinstance(outcome, Pending)
            seen.append(outcome.progress or 0)
            clock.seconds += 100
        assert seen == sorted(seen)
        assert seen[-1] > seen[0]
        clock.seconds += 100
        # A worker that was restarted knows the ref alone.
        elsewhere = SimulatedProvider(clock, SimulatedProfile(latency_s=(10, 10), late=1.0, late_s=1_000))
        assert (await elsewhere.poll([submitted.ref]))[submitted.ref].kind == "succeeded"
        assert (await elsewhere.poll(["nonsense"]))["nonsense"].kind == "broken"

    asyncio.run(run())


def test_a_lost_answer_is_found_and_capacity_comes_back() -> None:
    async def run() -> None:
        clock = Clock()
        lossy = SimulatedProvider(clock, SimulatedProfile(lost_answer=1.0))
        assert (await lossy.submit(job(), "k")).kind == "unknown"
        found: Any = await lossy.lookup(job(), "k")
        assert found.kind == "submitted"
        assert await lossy.submit(job(), "k") == found, "asking again under the same key makes no second job"
        busy = SimulatedProvider(clock, SimulatedProfile(busy=0.7))
        kinds = []
        for _ in range(40):
            kinds.append((await busy.submit(job(), "k")).kind)
            clock.seconds += 10
        assert kinds[0] == "busy" or "busy" in kinds or kinds[0] == "submitted"
        assert kinds[-1] == "submitted"
        always = SimulatedProvider(clock, SimulatedProfile(busy=1.0, busy_retry_after_s=8.0))
        outcome: Any = await always.submit(job(), "k")
        assert (outcome.kind, outcome.retry_after_s) == ("busy", 8.0)

    asyncio.run(run())


@pytest.mark.parametrize(("aspect", "size"), [("9:16", (720, 1280)), ("16:9", (1280, 720)), ("1:1", (720, 720))])
def test_its_file_is_small_whole_and_as_asked(aspect: Aspect, size: tuple[int, int], tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        provider = SimulatedProvider(clock, SimulatedProfile(latency_s=(5, 5)))
        hashes = set()
        for number in range(2):
            submitted: Any = await provider.submit(job(number, aspect=aspect, seconds=6), f"k{number}")
            assert getattr(await provider.fetch(submitted.ref, tmp_path / "x"), "code", "") == "not_ready"
            clock.seconds += 6
            fetched: Any = await provider.fetch(submitted.ref, tmp_path / f"{number}.mp4")
            assert (fetched.facts.width, fetched.facts.height) == size
            assert fetched.facts.seconds == pytest.approx(6.0)
            assert fetched.size_bytes < 60_000
            hashes.add(fetched.sha256)
            again: Any = await provider.fetch(submitted.ref, tmp_path / "again.mp4")
            assert hashlib.sha256(again.path.read_bytes()).hexdigest() == fetched.sha256
        assert len(hashes) == 2

    asyncio.run(run())


def test_the_policy_and_pictures_hold_here_too() -> None:
    async def run() -> None:
        provider = SimulatedProvider(Clock())
        refused: Any = await provider.submit(job(prompt="forbidden"), "k")
        assert (refused.kind, refused.code) == ("refused", "content_policy")
        broken: Any = await provider.submit(VideoJob("itm_1", "sea", "1:1", 1, b"no picture", "image/png"), "k")
        assert (broken.kind, broken.code) == ("refused", "image_undecodable")

    asyncio.run(run())


@pytest.mark.parametrize("bad", [{"refused": 0.6, "broken": 0.6}, {"busy": 1.5}, {"latency_s": (5.0, 1.0)}])
def test_an_impossible_profile_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="simulated profile"):
        SimulatedProfile(**bad)
