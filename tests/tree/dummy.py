"""A stand-in for a process of the house: `web PORT` serves /healthz and keeps a child, `worker` waits.

`--deaf` ignores SIGTERM, `--deaf-child` makes web's child do so; `--fail-after S` prints a line and exits with code 7;
`--never-ready` answers 503;
`--orphans N` leaves N grandchildren to PID 1; `--escape` starts a child in another session.
"""

import argparse
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers /healthz."""

    status = 200

    def do_GET(self) -> None:
        """Say whether we are well."""
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _leave_an_orphan() -> None:
    """A grandchild whose parent ends first: PID 1 inherits it, and then its zombie."""
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            time.sleep(0.3)
        os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--deaf-child", action="store_true")
    parser.add_argument("--orphans", type=int, default=0)
    parser.add_argument("--escape", action="store_true")
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--fail-after", type=float)
    options = parser.parse_args()
    if options.kind == "web" and os.fork() == 0:
        # Like a web server's own worker: in the group, and orphaned when its parent is killed.
        signal.signal(signal.SIGTERM, signal.SIG_IGN if options.deaf_child else signal.SIG_DFL)
        signal.pause()
        os._exit(0)
    for _ in range(options.orphans):
        _leave_an_orphan()
    if options.escape and os.fork() == 0:
        os.setsid()
        signal.pause()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.deaf else lambda *_: sys.exit(0))
    print(f"{options.kind} is up", flush=True)
    if options.fail_after is not None:
        time.sleep(options.fail_after)
        print(f"{options.kind} has a reason to end", flush=True)
        sys.exit(7)
    if options.kind == "web":
        Handler.status = 503 if options.never_ready else 200
        ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
