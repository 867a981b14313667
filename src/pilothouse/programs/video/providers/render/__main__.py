"""One render process: reads a job a line from standard input, answers a line on standard output.

The parent holds the other end of standard input, so this process ends at once when the parent does, even by SIGKILL,
on every system and without a signal of its own.
"""

import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.media import part_path
from pilothouse.programs.video.providers.render.clip import Clip, render_clip


def _read_jobs(jobs: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # a render in progress is not worth finishing: nobody waits for it


def _render(line: str) -> dict[str, str | bool]:
    order = json.loads(line)
    target = Path(order["target"])
    image = Path(order["image"]).read_bytes() if order["image"] else None
    width, height = order["size"]
    part = part_path(target)
    try:
        render_clip(Clip(order["prompt"], (width, height), order["seconds"], order["seed"], image), part)
        part.replace(target)
    except Exception as error:
        # The parent decides what a failure means; this process lives on for the next job.
        return {"ok": False, "detail": f"{type(error).__name__}: {error}"}
    finally:
        part.unlink(missing_ok=True)
    return {"ok": True, "detail": ""}


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to stop
    if hasattr(os, "nice"):
        os.nice(limits.RENDER_NICENESS)
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_jobs, args=(jobs,), daemon=True).start()
    while True:
        answer = _render(jobs.get())
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
