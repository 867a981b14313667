"""Reaping what PID 1 inherits, when the supervisor is PID 1 itself, as in a container without an init."""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path


def reap_orphans(own: Collection[int]) -> int:
    """Reap zombies that the kernel handed to us, and return how many; does nothing unless we are PID 1.

    Our own children (`own`, and anything else in our session that some thread waits for) are left to who waits.
    """
    if os.getpid() != 1:
        return 0
    reaped = 0
    session = os.getsid(0)
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in own:
            with contextlib.suppress(OSError):
                fields = (
                    Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
                if fields[0] == "Z" and fields[1] == "1" and int(fields[3]) != session:
                    reaped += os.waitpid(int(name), os.WNOHANG)[0] != 0
    return reaped
