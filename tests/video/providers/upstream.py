"""A loopback upstream that speaks the videos shape and the Vertex operation shape, with faults on order.

Faults are queued by route (`submit`, `poll`, `content`, `list`, `delete`) and used up one a request;
`always` ones stay.
Whatever the client was told, `jobs` says what was really accepted, and so what would have been paid.
"""

import asyncio
import base64
import io
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.protocol import SIZES, Aspect

FaultKind = Literal[
    "latency", "answer", "reset", "lost_answer", "truncate", "garbage", "other_job", "stale", "short_file"
]
FAULT = web.RequestKey("fault", str)
SERVICE = "projects/p/locations/l/publishers/google/models/m"


@dataclass(frozen=True)
class Fault:
    """`answer` sends `status`, `headers`, `body`; `lost_answer` does the work and then cuts the connection."""

    kind: FaultKind
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 0.0


@dataclass
class Job:
    """An accepted job, as either shape shows it."""

    id: str
    key: str | None
    prompt: str
    state: dict[str, Any]
    image: bytes | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class Upstream:
    """The server's state; `base_url` once started."""

    def __init__(self, video: bytes) -> None:
        self.video = video
        self.base_url = ""
        self.jobs: dict[str, Job] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.idempotent = False
        self.peak_polls = 0
        self._polls = 0
        self._ids = itertools.count(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Upstream"]:
        """Serve on a free loopback port."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        routes: list[tuple[str, str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", "/v1/videos", "submit", self._submit),
            ("GET", "/v1/videos", "list", self._list),
            ("GET", "/v1/videos/{id}", "poll", self._poll),
            ("GET", "/v1/videos/{id}/content", "content", self._content),
            ("DELETE", "/v1/videos/{id}", "delete", self._delete),
            ("POST", f"/v1beta1/{SERVICE}:predictLongRunning", "submit", self._operation_start),
            ("POST", f"/v1beta1/{SERVICE}:fetchPredictOperation", "poll", self._operation_poll),
            ("GET", "/storage/v1/b/{bucket}/o/{name:.*}", "content", self._content),
        ]
        for method, path, name, handler in routes:
            app.router.add_route(method, path, self._with_faults(name, handler))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def finish(self, job: Job, **state: Any) -> None:
        """Set what the next poll of the job tells."""
        job.state = state

    def _with_faults(
        self, name: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            fault = self.faults[name].popleft() if self.faults[name] else self.always.get(name)
            self.requests.append((name, request.path, {n.lower(): v for n, v in request.headers.items()}, None))
            if fault is not None and fault.kind == "latency":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind == "answer":
                return web.json_response(fault.body, status=fault.status, headers=fault.headers)
            if fault is not None and fault.kind == "reset":
                return _cut(request)
            request[FAULT] = fault.kind if fault is not None else ""
            answer = await handler(request)
            if fault is not None and fault.kind == "lost_answer":
                return _cut(request)
            if fault is not None and fault.kind == "garbage":
                return web.Response(body=b"<html>busy</html>", content_type="application/json")
            return answer

        return serve

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        image = form.get("input_reference")
        key = request.headers.get("Idempotency-Key")
        name, path, headers, _ = self.requests[-1]
        self.requests[-1] = (name, path, headers, {k: v for k, v in form.items() if isinstance(v, str)})
        twin = next((job for job in self.jobs.values() if self.idempotent and job.key == key), None)
        if twin is None:
            twin = Job(f"video_{next(self._ids)}", key, str(form["prompt"]), {"status": "queued", "progress": 0})
            twin.image = image.file.read() if isinstance(image, web.FileField) else None
            marked = form.get("metadata[idempotency_key]")
            twin.metadata = {"idempotency_key": str(marked)} if marked else {}
            self.jobs[twin.id] = twin
        return web.json_response(_video(twin))

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        self._polls += 1
        self.peak_polls = max(self.peak_polls, self._polls)
        await asyncio.sleep(0)
        self._polls -= 1
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return web.json_response({"error": {"message": "no such video", "code": "not_found"}}, status=404)
        if request[FAULT] == "other_job":
            job = next(each for each in self.jobs.values() if each.id != request.match_info["id"])
        if request[FAULT] == "stale":
            return web.json_response({**_video(job), "status": "in_progress", "progress": 40})
        return web.json_response(_video(job))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        newest = list(reversed(self.jobs.values()))
        after = request.query.get("after")
        if after:
            newest = newest[[job.id for job in newest].index(after) + 1 :]
        limit = int(request.query.get("limit", "20"))
        page = newest[:limit]
        return web.json_response(
            {
                "object": "list",
                "data": [_video(job) for job in page],
                "has_more": len(newest) > limit,
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
            }
        )

    async def _content(self, request: web.Request) -> web.StreamResponse:
        body = self.video[: len(self.video) // 2] if request[FAULT] == "short_file" else self.video
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        response.content_length = len(body)
        await response.prepare(request)
        if request[FAULT] == "truncate":
            await response.write(body[: len(body) // 2])
            _cut(request)
            return response
        await response.write(body)
        await response.write_eof()
        return response

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        if self.jobs.pop(request.match_info["id"], None) is None:
            return web.json_response({"error": {"message": "no such video"}}, status=404)
        return web.json_response({"id": request.match_info["id"], "object": "video.deleted", "deleted": True})

    async def _operation_start(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name, path, headers, _ = self.requests[-1]
        self.requests[-1] = (name, path, headers, body)
        instance = body["instances"][0]
        job = Job(f"{SERVICE}/operations/{next(self._ids)}", None, instance["prompt"], {})
        if "image" in instance:
            job.image = base64.b64decode(instance["image"]["bytesBase64Encoded"])
        self.jobs[job.id] = job
        return web.json_response({"name": job.id})

    async def _operation_poll(self, request: web.Request) -> web.StreamResponse:
        wanted = (await request.json())["operationName"]
        if wanted not in self.jobs:
            return web.json_response({"error": {"code": 404, "status": "NOT_FOUND", "message": "none"}}, status=404)
        if request[FAULT] == "other_job":
            wanted = next(each for each in self.jobs if each != wanted)
        return web.json_response({"name": wanted, **self.jobs[wanted].state})

    def inline(self, data: bytes | None = None) -> dict[str, Any]:
        """A finished operation's state with the video inside."""
        encoded = base64.b64encode(self.video if data is None else data).decode()
        return {"done": True, "response": {"videos": [{"bytesBase64Encoded": encoded, "mimeType": "video/mp4"}]}}


def _video(job: Job) -> dict[str, Any]:
    shown = {
        "id": job.id,
        "object": "video",
        "model": "m",
        "created_at": 1_700_000_000,
        "seconds": "4",
        "size": "720x1280",
        "progress": 0,
        "metadata": job.metadata,
    }
    return {**shown, **job.state}


def _cut(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        transport.abort()
    return web.Response()


def sample_video(path: Path, aspect: Aspect = "9:16") -> bytes:
    """A small whole MP4."""
    from PIL import Image

    from pilothouse.programs.video.providers.render.encode import encode_mp4
    from pilothouse.programs.video.providers.render.planes import planes_of

    size = SIZES[aspect]
    frames = [planes_of(Image.effect_noise(size, 40 + n).convert("RGB")) for n in range(3)]
    encode_mp4(frames, size, path, limits.SIMULATED_FRAME_RATE_FPS)
    return path.read_bytes()


def pictures(video: bytes) -> list[bytes]:
    """Every decoded frame of a video, as its planes."""
    import av

    with av.open(io.BytesIO(video), "r") as container:
        return [b"".join(bytes(plane) for plane in frame.planes) for frame in container.decode(video=0)]


def error_body(code: str, message: str = "raw upstream words", kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error of the videos shape."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def rpc_error(code: int, status: str) -> dict[str, Any]:
    """An error of the Vertex shape."""
    return json.loads(json.dumps({"error": {"code": code, "status": status, "message": "raw upstream words"}}))  # type: ignore[no-any-return]
