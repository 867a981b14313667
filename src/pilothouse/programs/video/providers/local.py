"""The embedded default: renders a real video on this machine, deterministically and without any upstream.

A job's ref is the hash of its content, and everything needed to render it again lies beside its output. So each call is
idempotent, equal jobs share one file, and a restarted worker finds finished renders and makes lost ones anew.
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.intake import adopt
from pilothouse.programs.video.providers.media import (
    BrokenImage,
    check_image,
    part_path,
    write_atomically,
)
from pilothouse.programs.video.providers.policy import refused_word
from pilothouse.programs.video.providers.protocol import (
    Broken,
    Busy,
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
    content_hash,
)
from pilothouse.programs.video.providers.render import RENDERER_VERSION
from pilothouse.programs.video.providers.render.pool import RenderPool

_REF: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Files:
    video: Path
    order: Path
    image: Path


class LocalProvider:
    """Renders into `folder` with at most `processes` child processes of low priority."""

    def __init__(self, folder: Path, *, processes: int = limits.RENDER_PROCESSES_MAX, name: str = "local") -> None:
        self.name = name
        self.adapter = "local"
        self.capabilities = Capabilities(lookup=True)
        self._folder = folder
        self._pool = RenderPool(processes)
        self._submits = 0
        folder.mkdir(parents=True, exist_ok=True)

    async def submit(self, job: VideoJob, key: str) -> SubmitOutcome:
        """Refuse by policy or damaged picture, else queue the render. `key` is not needed: the content is the key."""
        word = refused_word(job.prompt)
        if word is not None:
            return Refused("content_policy", f"The prompt holds the word {word!r}.")
        try:
            return await asyncio.to_thread(self._submit, job)
        except BrokenImage as error:
            return Refused(error.code, str(error))
        except OSError as error:
            return Broken("storage", clip_detail(error))

    async def poll(self, refs: Sequence[str]) -> Mapping[str, PollOutcome]:
        """State of the renders; one that was lost with its worker is started again."""
        distinct = dict.fromkeys(refs)
        return await asyncio.to_thread(lambda: {ref: self._state(ref) for ref in distinct})

    async def fetch(self, ref: str, destination: Path) -> FetchOutcome:
        """Copy the finished video to `destination`."""
        if _REF.fullmatch(ref) is None:
            return Broken("lost", "No render has that ref.", job_over=True)
        try:
            return await asyncio.to_thread(_copy, self._files(ref).video, destination)
        except FileNotFoundError:
            return Broken("not_rendered", "The render is not finished.")
        except OSError as error:
            return Broken("storage", clip_detail(error))

    async def lookup(self, job: VideoJob, key: str) -> LookupOutcome:
        """The ref follows from the job itself; found when its order was written."""
        try:
            ref = await asyncio.to_thread(_ref_of, job)
        except OSError as error:
            return Broken("storage", clip_detail(error))
        return Submitted(ref) if self._files(ref).order.exists() else NotFound()

    async def cancel(self, ref: str) -> bool:
        """A render is shared by equal jobs and takes seconds: it is left to end."""
        return False

    async def aclose(self) -> None:
        """End the render processes."""
        await asyncio.to_thread(self._pool.close)

    def _files(self, ref: str) -> _Files:
        folder = self._folder / ref[:2]
        return _Files(folder / f"{ref}.mp4", folder / f"{ref}.json", folder / f"{ref}.image")

    def _submit(self, job: VideoJob) -> SubmitOutcome:
        self._submits += 1
        if self._submits % limits.RENDER_SWEEP_EVERY_SUBMITS == 1:
            sweep(self._folder, limits.RENDER_KEEP_S)
        image = job.image_bytes()
        if image is not None and job.image_type is not None:
            check_image(image, job.image_type)
        ref = _ref_of(job)
        files = self._files(ref)
        if image is not None:
            write_atomically(files.image, image)
        order = {
            "prompt": job.prompt,
            "size": list(job.size),
            "seconds": job.seconds,
            "seed": ref,
            "has_image": image is not None,
        }
        # The order is written last: whoever sees it sees all that it needs.
        write_atomically(files.order, json.dumps(order).encode())
        if not files.video.exists() and not self._start(ref, order):
            return Busy("render_queue_full", limits.RENDER_BUSY_RETRY_S)
        return Submitted(ref)

    def _state(self, ref: str) -> PollOutcome:
        if _REF.fullmatch(ref) is None:
            return Broken("lost", "No render has that ref.", job_over=True)
        files = self._files(ref)
        # The pool is asked before the folder: a render that ends in between is then seen as finished.
        state = self._pool.state(ref)
        if files.video.exists():
            return Succeeded()
        if state == "waiting":
            return Pending()
        failure = self._pool.failure(ref)
        if failure:
            return Broken("render_failed", clip_detail(failure), job_over=True)
        try:
            order = json.loads(files.order.read_bytes())
        except (OSError, ValueError):
            return Broken("lost", "The order of this render is gone.", job_over=True)
        if not self._start(ref, order):
            return Busy("render_queue_full", limits.RENDER_BUSY_RETRY_S)
        return Pending()

    def _start(self, ref: str, order: Mapping[str, object]) -> bool:
        # Paths are never stored, so that the folder may move.
        files = self._files(ref)
        image = str(files.image.resolve()) if order.get("has_image") else ""
        return self._pool.start(ref, {**order, "target": str(files.video.resolve()), "image": image})


def _ref_of(job: VideoJob) -> str:
    image = job.image_bytes()
    return content_hash(RENDERER_VERSION, job.prompt, job.aspect, str(job.seconds), image or b"")


def _copy(source: Path, destination: Path) -> FetchOutcome:
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = part_path(destination)
    try:
        shutil.copyfile(source, part)
        outcome = adopt(part, destination, ours=True)
    finally:
        part.unlink(missing_ok=True)
    if outcome.kind == "broken":
        source.unlink(missing_ok=True)  # damaged on disk: the next poll renders it anew
    return outcome


def sweep(folder: Path, keep_s: float) -> int:
    """Delete files of `folder` not touched for `keep_s` seconds by that file system's own clock; their number."""
    mark = part_path(folder / "sweep")
    mark.touch()
    now = mark.stat().st_mtime
    mark.unlink()
    gone = 0
    for path in folder.glob("*/*"):
        try:
            if now - path.stat().st_mtime > keep_s:
                os.unlink(path)
                gone += 1
        except FileNotFoundError:  # another worker sweeps the same folder
            continue
    return gone
