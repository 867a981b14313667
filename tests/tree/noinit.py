"""PID 1 that never reaps: runs a tree, kills all of it at once, and starts it again on the same folder.

python noinit.py HOUSE.py DATA PORT
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def states() -> dict[int, str]:
    """State letter of every other process in this PID namespace."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            try:
                found[int(name)] = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
    return found


def main() -> int:
    """0 when the second start came up although the zombies of the first are still in the process table."""
    assert os.getpid() == 1
    command = [sys.executable, *sys.argv[1:]]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    pids = json.loads(first.stdout.readline())
    for pid in (first.pid, *pids.values()):
        os.kill(pid, signal.SIGKILL)
    # Only web's own child may be left, orphaned and holding web's port: the next start has to end it.
    deadline = time.monotonic() + 15
    while list(states().values()).count("Z") < len(states()) - 1:
        assert time.monotonic() < deadline, f"left running: {states()}"
        time.sleep(0.02)
    data = Path(sys.argv[2])
    stale = int((data / "pg18" / "postmaster.pid").read_text().split()[0])
    assert states()[stale] == "Z", "the old server must be a zombie, or this proves nothing"
    second = subprocess.run([*command, "--code", "0"], stdout=subprocess.DEVNULL, timeout=30, check=False)
    assert not set(states().values()) - {"Z"}, f"left running: {states()}"
    return second.returncode


if __name__ == "__main__":
    raise SystemExit(main())
