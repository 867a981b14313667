"""A customer's webhook receiver, as small as one can be: keeps the raw body, and believes only a verified signature."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BODY_MAX_BYTES = 1_000_000


def verified(secret: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """The payload of a request whose signature the official library believes, else None."""
    try:
        found: dict[str, Any] = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    except (WebhookVerificationError, ValueError):
        return None
    return found


class Receiver:
    """Listens on a free port of this machine. `trust` gives it the secret; `wait` waits for a batch's message."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = ""
        self._received: dict[str, list[bool]] = {}
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Answers 200 to what verifies, 401 to anything else."""

            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length", 0)), BODY_MAX_BYTES)
                body = self.rfile.read(size)
                self.send_response(200 if receiver.take(body, dict(self.headers)) else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """The demo's own lines say what happened."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trust(self, secret: str) -> None:
        """The secret that our platform gave us for this endpoint."""
        self.secret = secret

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Verify a request with the official library and keep its raw bytes; True when it is genuine."""
        payload = verified(self.secret, body, headers)
        if payload is None:
            return False
        batch = str(payload.get("batch_id", "test"))
        self.body_path(batch).write_bytes(body)
        with self._news:
            self._received.setdefault(batch, []).append(True)
            self._news.notify_all()
        return True

    def body_path(self, batch: str) -> Path:
        """Where the raw body of a batch's message is kept."""
        return self.folder / f"{batch}.json"

    def attempts(self, batch: str) -> int:
        """How often the batch's message arrived."""
        return len(self._received.get(batch, []))

    def wait(self, batch: str, patience_s: float) -> bool:
        """Wait until the batch's message has arrived and verified; False when it did not in time."""
        until = time.monotonic() + patience_s
        with self._news:
            while batch not in self._received:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(left)
        return bool(json.loads(self.body_path(batch).read_bytes())["batch_id"] == batch)
