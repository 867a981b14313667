"""A webhook receiver: verifies the signature before it believes anything, and stores the raw body.

    export SORA2_WEBHOOK_SECRET=whsec_…    of the endpoint, or GET /v1/webhook-secret for a batch's own address
    python webhook_receiver.py

PORT (9000; 0 takes a free one) and RECEIVED (folder, ./received) may be set. Put it behind https: the platform sends
to nothing else.
"""

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

PORT = int(os.environ.get("PORT", "9000"))
FOLDER = Path(os.environ.get("RECEIVED", "received"))
BODY_MAX_BYTES = 1_000_000


def store(message_id: str, body: bytes) -> bool:
    """Keep the body once for each webhook-id: a message may arrive twice and must not count twice."""
    path = FOLDER / f"{message_id}.json"
    if path.exists():
        return False
    part = path.with_suffix(".part")
    part.write_bytes(body)
    part.replace(path)
    return True


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to what verifies and is stored, 401 to a signature that does not fit."""

    secret = ""
    timeout = 30

    def do_POST(self) -> None:
        """Take one message."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_MAX_BYTES:
            return self.end(413)
        # The bytes as they were sent. A body that was parsed and written again no longer has the signed bytes.
        body = self.rfile.read(int(length))
        message_id = self.headers.get("webhook-id", "")
        try:
            # Checks the signature over `id.timestamp.body`, and that the timestamp is at most five minutes away.
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
        except (WebhookVerificationError, ValueError):
            print(f"refused {message_id or 'a request without webhook-id'}: the signature does not fit", flush=True)
            return self.end(401)
        if not re.fullmatch(r"[\w-]{1,100}", message_id):
            return self.end(400)
        is_new = store(message_id, body)
        self.end(200)  # first the answer, then the work: an answer that takes longer than 10 s counts as none
        event = json.loads(body)
        print(
            f"{'stored' if is_new else 'again'} {message_id} {event['event']} {event.get('batch_id', '')}", flush=True
        )

    def end(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The lines above say what happened."""


def main() -> None:
    """Listen until Ctrl-C."""
    Receiver.secret = os.environ.get("SORA2_WEBHOOK_SECRET", "")
    if not Receiver.secret:
        sys.exit("Set SORA2_WEBHOOK_SECRET to the signing secret of your endpoint.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
