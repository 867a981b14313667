"""The embedded renderer: real files, equal bytes, refusals, and what a crash leaves."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import av
import psutil  # type: ignore[import-untyped]
import pytest
from PIL import Image, ImageChops, ImageStat

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.local import LocalProvider, sweep
from pilothouse.programs.video.providers.media import video_facts
from pilothouse.programs.video.providers.protocol import Aspect, VideoJob
from pilothouse.programs.video.providers.render.pool import RenderPool

Settled = Callable[..., Awaitable[Any]]

_RENDER_ELSEWHERE = """
import asyncio, hashlib, sys
from pathlib import Path
from pilothouse.programs.video.providers.render.clip import Clip, render_clip
image = Path(sys.argv[3]).read_bytes() if sys.argv[3] else None
render_clip(Clip(sys.argv[1], (720, 720), 1, sys.argv[4], image), Path(sys.argv[2]))
"""


def _render(job: VideoJob, folder: Path, settled: Settled) -> Path:
    async def run() -> Path:
        provider = LocalProvider(folder / "renders", processes=1)
        try:
            submitted = await provider.submit(job, "key")
            assert submitted.kind == "submitted", submitted
            assert (await settled(provider, submitted.ref)).kind == "succeeded"
            fetched = await provider.fetch(submitted.ref, folder / "out" / f"{job.item}.mp4")
            assert fetched.kind == "fetched", fetched
            assert fetched.sha256 == hashlib.sha256(fetched.path.read_bytes()).hexdigest()
            assert fetched.size_bytes == fetched.path.stat().st_size
            return fetched.path
        finally:
            await provider.aclose()

    return asyncio.run(run())


@pytest.mark.unit
@pytest.mark.parametrize(
    ("aspect", "size"),
    [("9:16", (720, 1280)), ("16:9", (1280, 720)), ("1:1", (720, 720))],
    ids=["tall", "wide", "square"],
)
@pytest.mark.parametrize("picture", ["none", "photo", "cutout"])
def test_a_clip_decodes_with_the_asked_size_length_and_motion(
    aspect: Aspect, size: tuple[int, int], picture: str, photo: bytes, cutout: bytes, tmp_path: Path, settled: Settled
) -> None:
    image = {"none": None, "photo": photo, "cutout": cutout}[picture]
    kind = {"none": None, "photo": "image/jpeg", "cutout": "image/png"}[picture]
    job = VideoJob("itm_1", "A blue bottle by the sea", aspect, 1, image, kind)
    path = _render(job, tmp_path, settled)
    facts = video_facts(path)
    assert (facts.width, facts.height, facts.frames) == (*size, limits.FRAME_RATE_FPS)
    assert facts.seconds == pytest.approx(1.0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == limits.FRAME_RATE_FPS
        frames: list[Image.Image] = [frame.to_image() for frame in container.decode(stream)]  # type: ignore[no-untyped-call]
    assert len(frames) == limits.FRAME_RATE_FPS
    assert frames[0].size == size
    moved = ImageStat.Stat(ImageChops.difference(frames[0], frames[-1])).mean
    assert sum(moved) > 1.0
    # The caption is bright letters on a dark ground: a clip without one would have no near-white pixels.
    assert max(frames[0].convert("L").tobytes()) > 235
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index must be in front for a player to start at once"


@pytest.mark.unit
def test_equal_jobs_give_equal_bytes_in_another_process_and_neighbours_differ(
    photo: bytes, tmp_path: Path, settled: Settled
) -> None:
    job = VideoJob("itm_1", "Lemon soda", "1:1", 1, photo, "image/jpeg")
    first = _render(job, tmp_path / "a", settled)
    again = _render(VideoJob("itm_9", "Lemon soda", "1:1", 1, photo, "image/jpeg"), tmp_path / "b", settled)
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()
    (tmp_path / "photo").write_bytes(photo)
    ref = next((tmp_path / "a" / "renders").glob("*/*.mp4")).stem
    elsewhere = tmp_path / "elsewhere.mp4"
    subprocess.run(
        [sys.executable, "-c", _RENDER_ELSEWHERE, "Lemon soda", str(elsewhere), str(tmp_path / "photo"), ref],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    assert elsewhere.read_bytes() == first.read_bytes()
    neighbours = [
        VideoJob("itm_2", "Lemon sodas", "1:1", 1, photo, "image/jpeg"),
        VideoJob("itm_3", "Lemon soda", "1:1", 1),
        VideoJob("itm_4", "Lemon soda", "1:1", 2, photo, "image/jpeg"),
    ]
    hashes = {hashlib.sha256(_render(each, tmp_path / "c", settled).read_bytes()).hexdigest() for each in neighbours}
    assert len(hashes | {hashlib.sha256(first.read_bytes()).hexdigest()}) == 4


@pytest.mark.unit
@pytest.mark.parametrize("prompt", ["", "   "])
def test_a_job_without_a_prompt_is_no_job(prompt: str) -> None:
    with pytest.raises(ValueError, match="prompt"):
        VideoJob("itm_1", prompt, "1:1", 1)


@pytest.mark.unit
@pytest.mark.parametrize(
    "prompt",
    ["日本の夏", "🌊🌊🌊", "a" * 400, "word " * 700, "\u202eabc \u0007", "Ünïcode naïve café"],
    ids=["kanji", "emoji", "one-word", "long", "control", "accents"],
)
def test_any_prompt_renders(prompt: str, tmp_path: Path, settled: Settled) -> None:
    assert video_facts(_render(VideoJob("itm_1", prompt, "16:9", 1), tmp_path, settled)).frames == 24


@pytest.mark.unit
def test_policy_and_damaged_pictures_are_final_refusals(photo: bytes, tmp_path: Path) -> None:
    async def run() -> list[tuple[str, str]]:
        provider = LocalProvider(tmp_path)
        png = "image/png"
        jobs = [
            VideoJob("itm_1", "Something FORBIDDEN here", "1:1", 1),
            VideoJob("itm_2", "ｖｉｏｌｅｎｔ waves", "1:1", 1),
            VideoJob("itm_3", "a bottle", "1:1", 1, b"no picture", png),
            VideoJob("itm_4", "a bottle", "1:1", 1, photo, png),
            VideoJob("itm_5", "a bottle", "1:1", 1, photo[: len(photo) // 2], "image/jpeg"),
            VideoJob("itm_6", "a bottle", "1:1", 1, b"x" * (limits.IMAGE_SIZE_MAX_BYTES + 1), png),
        ]
        try:
            outcomes = [await provider.submit(job, "key") for job in jobs]
            lawful = await provider.submit(VideoJob("itm_7", "unforbiddenly nonviolent", "1:1", 1), "key")
        finally:
            await provider.aclose()
        assert lawful.kind == "submitted"
        return [(outcome.kind, getattr(outcome, "code", "")) for outcome in outcomes]

    assert asyncio.run(run()) == [
        ("refused", "content_policy"),
        ("refused", "content_policy"),
        ("refused", "image_undecodable"),
        ("refused", "image_undecodable"),
        ("refused", "image_undecodable"),
        ("refused", "image_too_large"),
    ]


@pytest.mark.unit
def test_a_new_worker_finds_finished_renders_and_makes_lost_ones_anew(tmp_path: Path, settled: Settled) -> None:
    job = VideoJob("itm_1", "Waves", "1:1", 1)

    async def run() -> None:
        first = LocalProvider(tmp_path)
        assert (await first.lookup(job, "key")).kind == "not_found"
        submitted = await first.submit(job, "key")
        assert submitted.kind == "submitted"
        await first.aclose()  # the worker dies before or while it renders

        second = LocalProvider(tmp_path)
        try:
            found = await second.lookup(job, "key")
            assert found == submitted
            assert (await settled(second, submitted.ref)).kind == "succeeded"
            made = tmp_path / submitted.ref[:2] / f"{submitted.ref}.mp4"
            before = (made.read_bytes(), made.stat().st_ino)
            assert await second.submit(job, "another key") == submitted
            assert (await second.poll([submitted.ref, submitted.ref])) == {
                submitted.ref: await settled(second, submitted.ref)
            }
            assert (made.read_bytes(), made.stat().st_ino) == before, "a finished render is not made again"
            made.unlink()
            assert (await settled(second, submitted.ref)).kind == "succeeded"
            assert made.read_bytes() == before[0]
            made.write_bytes(before[0][: len(before[0]) // 2])
            assert getattr(await second.fetch(submitted.ref, tmp_path / "half.mp4"), "code", "") == "truncated"
            assert not (tmp_path / "half.mp4").exists()
            assert (await settled(second, submitted.ref)).kind == "succeeded", "a damaged file is rendered anew"
            made.unlink()
            made.with_suffix(".json").unlink()
            lost = (await second.poll([submitted.ref]))[submitted.ref]
            assert (lost.kind, getattr(lost, "job_over", None)) == ("broken", True)
            for foreign in ("../../etc/passwd", "x" * 64, ""):
                assert (await second.poll([foreign]))[foreign].kind == "broken"
                assert (await second.fetch(foreign, tmp_path / "no.mp4")).kind == "broken"
        finally:
            await second.aclose()

    asyncio.run(run())
    assert not list(tmp_path.rglob("*.part"))


def _renderers() -> list[psutil.Process]:
    """The children of pools in this process; a tree that other tests of it keep up has renderers of its own below."""
    return [p for p in psutil.Process().children() if "pilothouse.programs.video.providers.render" in p.cmdline()]


@pytest.mark.faults
def test_a_killed_child_breaks_only_its_own_job(tmp_path: Path) -> None:
    pool = RenderPool(1)
    order: dict[str, object] = {"prompt": "sea", "size": [720, 1280], "seconds": 12, "seed": "s", "image": ""}
    try:
        pool.start("one", {**order, "target": str(tmp_path / "one.mp4")})
        pool.start("two", {**order, "seconds": 1, "target": str(tmp_path / "two.mp4")})
        _until(lambda: bool(_renderers()))
        time.sleep(0.5)
        _renderers()[0].kill()
        _until(lambda: pool.state("one") == "failed")
        assert pool.failure("one")
        assert pool.state("one") == "absent"
        _until(lambda: pool.state("two") == "absent")
        assert video_facts(tmp_path / "two.mp4").frames == 24
    finally:
        pool.close()
    assert not _renderers()


@pytest.mark.faults
def test_a_render_that_hangs_is_killed_at_its_timeout(tmp_path: Path) -> None:
    pool = RenderPool(1, timeout_s=1.0)
    try:
        pool.start(
            "slow",
            {
                "prompt": "sea",
                "size": [720, 1280],
                "seconds": 12,
                "seed": "s",
                "image": "",
                "target": str(tmp_path / "a.mp4"),
            },
        )
        _until(lambda: pool.state("slow") == "failed")
        assert not (tmp_path / "a.mp4").exists()
    finally:
        pool.close()


@pytest.mark.faults
def test_nothing_outlives_a_parent_killed_by_sigkill(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from pilothouse.programs.video.providers.render.pool import RenderPool\n"
        "pool = RenderPool(2)\n"
        "for n in '12':\n"
        "    pool.start(n, {'prompt': 'sea', 'size': [720, 1280], 'seconds': 12, 'seed': n, 'image': '',"
        " 'target': sys.argv[1] + n})\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "out")])
    try:
        whole = psutil.Process(parent.pid)
        _until(lambda: len(whole.children(recursive=True)) == 2)
        time.sleep(0.5)
        children = whole.children(recursive=True)
        parent.kill()
        parent.wait()
        gone, alive = psutil.wait_procs(children, timeout=10)
        assert len(gone) == 2
        assert not alive
    finally:
        parent.kill()
        parent.wait()


@pytest.mark.unit
def test_the_sweep_takes_only_old_files(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    old, young = tmp_path / "ab" / "old.mp4", tmp_path / "ab" / "young.json"
    old.write_bytes(b"x")
    young.write_text(json.dumps({}))
    past = young.stat().st_mtime - 1_000
    os.utime(old, (past, past))
    assert sweep(tmp_path, 500.0) == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["young.json"]


def _until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
