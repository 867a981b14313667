"""Reaping what PID 1 inherits, when the supervisor is PID 1 itself, as in a container without an init."""

import contextlib
import os
from pathlib import Path


def reap_orphans() -> int:
    """Reap zombies that the kernel handed to us, and return how many; does nothing unless we are PID 1.

    What we started leads its own session or is in ours, and somebody waits for it; anything else is an orphan.
    """
    if os.getpid() != 1:
        return 0
    reaped = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
                state, parent, _, session = text.rpartition(")")[2].split()[:4]
                if state == "Z" and parent == "1" and session not in (name, str(os.getsid(0))):
                    reaped += os.waitpid(int(name), os.WNOHANG)[0] != 0
    return reaped
