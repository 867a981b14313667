"""An upstream on the loopback that asks money for each job: what it accepted is what would have been paid.

A request can be held at three points: `before` it is looked at, `after` its work is done and before the answer, or not
at all. A test that holds requests kills a worker at exactly that step.
"""

import itertools
import json
import re
import threading
from collections import Counter
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from pilothouse.programs.video.providers.render.encode import encode_mp4
from pilothouse.programs.video.providers.render.planes import planes_of

PATIENCE_S = 30.0
REFUSED = {
    "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "content_policy_violation"}
}
FULL = {"error": {"message": "full", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


class PaidUpstream:
    """Routes: `submit`, `list`, `poll`, `content`, `delete`. Jobs are found by the key in their metadata."""

    def __init__(self, video: bytes) -> None:
        self.video = video
        self.jobs: dict[str, str] = {}
        """Job id -> the key under which it was asked for."""
        self.requests: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.pending = False
        """Whether every job says that it is still being made."""
        self.full = False
        self.broken = False
        self.cut_submits = 0
        """How many of the next submits are accepted without an answer."""
        self._ids = itertools.count(1)
        self._points: dict[str, str] = {}
        self._news = threading.Condition()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            """Hands each request to the upstream."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.serve(self)

            def do_POST(self) -> None:
                upstream.serve(self)

            def do_DELETE(self) -> None:
                upstream.serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go()
        self._server.shutdown()
        self._server.server_close()

    def env(self) -> dict[str, str]:
        """The settings of a worker that uses this upstream."""
        return {
            "VIDEO_PROVIDERS": "videos_api:1",
            "VIDEOS_API_BASE_URL": self.url,
            "VIDEOS_API_KEY": "k",
            "VIDEOS_API_MODEL": "m",
            "VIDEOS_API_LOOKUP": "metadata",
            "VIDEOS_API_SECONDS": "1,2,4",
        }

    def hold(self, route: str, point: str) -> None:
        """Hold the requests of a route `before` or `after` their work, until `let_go`."""
        with self._news:
            self._points[route] = point

    def let_go(self) -> None:
        """Answer what was held `after`, and drop what was held `before` as if it never arrived."""
        with self._news:
            self._points.clear()
            self._news.notify_all()

    def wait_held(self, route: str, count: int) -> None:
        """Wait until `count` requests of a route are held."""
        with self._news:
            assert self._news.wait_for(lambda: self.held[route] >= count, PATIENCE_S), (route, self.held)

    def paid_twice(self) -> list[str]:
        """Items that more than one job was accepted for, whatever the attempt."""
        items = Counter(key.rpartition(".")[0] for key in self.jobs.values())
        return [item for item, count in items.items() if count > 1]

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """One request: hold, work, hold, answer."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        route = self._route(request)
        with self._news:
            self.requests[route] += 1
        if self._hold(route, "before"):
            request.close_connection = True
            return
        status, kind, answer = self._work(route, request, body)
        self._hold(route, "after")
        if route == "submit" and self._cut():
            request.close_connection = True
            return
        try:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(answer)))
            for name, value in self.headers(route, request).items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(answer)
        except OSError:
            request.close_connection = True  # the asker was killed

    def headers(self, route: str, request: BaseHTTPRequestHandler) -> dict[str, str]:
        """What it says in headers besides the kind and length of its answer."""
        return {}

    def _hold(self, route: str, point: str) -> bool:
        with self._news:
            if self._points.get(route) != point:
                return False
            self.held[route] += 1
            self._news.notify_all()
            self._news.wait_for(lambda: self._points.get(route) != point, PATIENCE_S * 2)
            return True

    def _cut(self) -> bool:
        with self._news:
            self.cut_submits -= 1
            return self.cut_submits >= 0

    def _route(self, request: BaseHTTPRequestHandler) -> str:
        path = request.path.partition("?")[0]
        if path.endswith("/content"):
            return "content"
        if request.command == "GET":
            return "list" if path == "/v1/videos" else "poll"
        return {"POST": "submit", "DELETE": "delete"}[request.command]

    def _work(self, route: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        if route == "content":
            return 200, "video/mp4", self.video
        status, found = self._told(route, request, body)
        return status, "application/json", json.dumps(found).encode()

    def _told(self, route: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.broken:
            return 500, {"error": {"message": "down", "type": "server_error", "param": None, "code": None}}
        if route == "submit":
            return self._submit(_form(request.headers, body))
        with self._news:
            jobs = dict(self.jobs)
        if route == "list":
            data = [self._shown(job, key) for job, key in reversed(jobs.items())]
            return 200, {"object": "list", "data": data, "has_more": False, "first_id": None, "last_id": None}
        job = re.fullmatch(r"/v1/videos/([^/?]+)", request.path)
        assert job is not None, request.path
        if route == "delete":
            return 200, {"id": job[1], "object": "video.deleted", "deleted": True}
        return 200, self._shown(job[1], jobs[job[1]])

    def _submit(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.full:
            return 429, FULL
        if "refuse" in form["prompt"]:
            return 400, REFUSED
        key = form["metadata[idempotency_key]"]
        with self._news:
            job = f"video_{next(self._ids)}"
            self.jobs[job] = key
        return 200, self._shown(job, key)

    def _shown(self, job: str, key: str) -> dict[str, Any]:
        state = {"status": "in_progress", "progress": 40} if self.pending else {"status": "completed", "progress": 100}
        return {
            "id": job, "object": "video", "model": "m", "created_at": 1_700_000_000, "seconds": "1",
            "size": "720x1280", "metadata": {"idempotency_key": key}, **state,
        }  # fmt: skip


def _form(headers: Message, body: bytes) -> dict[str, str]:
    """The fields of a JSON, form or multipart body, nested ones as `outer[inner]`."""
    kind = headers["Content-Type"]
    if kind.startswith("application/json"):
        found = json.loads(body)
        nested = {f"{name}[{key}]": value for name, inner in found.items() if isinstance(inner, dict)
                  for key, value in inner.items()}  # fmt: skip
        return {**found, **nested}
    parsed = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()
        for part in parsed.iter_parts()
    }


def small_video(path: Path) -> bytes:
    """A small whole MP4 of one second."""
    frames = [planes_of(Image.effect_noise((720, 1280), 40 + n).convert("RGB")) for n in range(2)]
    encode_mp4(frames, (720, 1280), path, 2)
    return path.read_bytes()
