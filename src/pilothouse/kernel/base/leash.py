"""Child processes that cannot outlive the process that started them.

Three nets, from the gentlest to the last:

1. whoever holds a child ends it with `end_groups` and a stop plan;
2. on Linux each child is started through this file run as a script (`leash.py run …`), which sets the parent-death
   signal and then becomes the child, so `kill -9` of the parent reaches it from the kernel;
3. a guard (`leash.py guard`) holds the read end of a pipe. When the pipe's only writer is gone, however it went, the
   guard ends every group that it was told about.

This file is a script too, started with `python -I -S`, so it uses the standard library only and imports nothing of
the house.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

POLL_S = 0.02
HURRY_AFTER_S = 1.0
GUARD_LOCK_WAIT_S = 45.0
_SCRIPT = str(Path(__file__).resolve())
_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1

StopPlan = tuple[tuple[int, float], ...]
"""Signals in order, each with the seconds that it is given: ((SIGTERM, 10.0), (SIGKILL, 2.0))."""

PROCESS_STOP: StopPlan = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class Identity:
    """The operating system user that a child runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Group:
    """One process group to end: its leader's id, its plan, and what else belongs to it.

    Groups of a lower `order` are ended first. `title` names processes that leave the group: a PostgreSQL backend has
    its own session, and after kill -9 of the postmaster a busy one goes on until it looks up.
    """

    leader: int
    plan: StopPlan = PROCESS_STOP
    order: int = 0
    title: str = ""


# -- the process table ------------------------------------------------------------------------------------------------


def _stat(pid: int) -> tuple[str, int] | None:
    """(state letter, process group) of a process, or None when there is none. Linux reads /proc; others ask ps."""
    if _LINUX:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return fields[0], int(fields[2])
    answer = subprocess.run(["ps", "-o", "stat=,pgid=", "-p", str(pid)], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return (words[0][0], int(words[1])) if len(words) == 2 else None


def alive(pid: int) -> bool:
    """Whether the process runs. A zombie does not: under a PID 1 that never reaps it stays in the table for ever."""
    found = _stat(pid)
    return found is not None and found[0] not in "ZX"


def commands() -> dict[int, str]:
    """Command line of every process that runs, by process id; zombies are left out."""
    found: dict[int, str] = {}
    if _LINUX:
        for name in os.listdir("/proc"):
            if name.isdigit() and alive(int(name)):
                with contextlib.suppress(OSError):
                    text = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(name)] = text.decode("utf-8", "replace").strip()
        return found
    answer = subprocess.run(["ps", "-axo", "pid=,stat=,command="], capture_output=True, text=True, check=False)
    for line in answer.stdout.splitlines():
        pid, state, *command = line.split(None, 2)
        if state[0] != "Z" and command:
            found[int(pid)] = command[0]
    return found


def group_alive(leader: int) -> bool:
    """Whether any process of the group runs; zombies do not count."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if not _LINUX:
        return True
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = _stat(int(name))
            if found is not None and found[1] == leader and found[0] not in "ZX":
                return True
    return False


def titled(title: str) -> list[int]:
    """Ids of the PostgreSQL processes whose cluster has this name."""
    return [pid for pid, command in commands().items() if command.startswith(f"postgres: {title}: ")]


def end_marked(mark: str) -> int:
    """Kill every process whose environment holds this `NAME=value`, and return how many; Linux only.

    For what left its group, and for what outlived a kill of everything that watched it. A caller that is marked
    itself runs inside what it would end, and ends nothing.
    """
    if not _LINUX or mark == "" or mark in {f"{name}={value}" for name, value in os.environ.items()}:
        return 0
    ended = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in Path(f"/proc/{name}/environ").read_bytes().split(b"\0") and alive(int(name)):
                    os.kill(int(name), signal.SIGKILL)
                    ended += 1
    return ended


# -- ending -----------------------------------------------------------------------------------------------------------


def _send(leader: int, number: int) -> None:
    """A gentle signal goes to the leader, which knows how to stop its own; SIGKILL, or a dead leader, to the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number != signal.SIGKILL and alive(leader):
            os.kill(leader, number)
        else:
            os.killpg(leader, number)


def _sweep(group: Group) -> None:
    if group.title:
        for pid in titled(group.title):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def end_groups(groups: Iterable[Group], tick: Callable[[], bool] = lambda: False) -> list[int]:
    """End the groups, lower orders first, those of one order at once; return the leaders that would not end.

    `tick` is called every few hundredths of a second: it reaps what the caller has started, and returns True to go on
    to the next signal sooner.
    """
    left: list[int] = []
    listed = list(groups)
    for order in sorted({group.order for group in listed}):
        same = [group for group in listed if group.order == order]
        for step in range(max(len(group.plan) for group in same)):
            _end_step([group for group in same if group_alive(group.leader)], step, tick)
        for group in same:
            _sweep(group)
        left += [group.leader for group in same if group_alive(group.leader)]
    tick()
    return left


def _end_step(waiting: list[Group], step: int, tick: Callable[[], bool]) -> None:
    """Send one step's signal to each group and wait until all are gone or their time is up.

    Hurry shortens the first, gentle step only, and leaves even that a second: a database that is asked to end fast
    mostly needs less, and what comes after makes its next start recover.
    """
    steps = {group.leader: group.plan[min(step, len(group.plan) - 1)] for group in waiting}
    start = time.monotonic()
    orphaned: set[int] = set()
    for leader, (number, _) in steps.items():
        _send(leader, number)
        if not alive(leader):
            orphaned.add(leader)
    while waiting:
        waiting = [group for group in waiting if group_alive(group.leader)]
        for leader in [group.leader for group in waiting if group.leader not in orphaned]:
            if not alive(leader):  # the leader stopped without its own children: ask them too
                orphaned.add(leader)
                _send(leader, steps[leader][0])
        passed_s = time.monotonic() - start
        hurry = tick() and step == 0 and passed_s >= HURRY_AFTER_S
        if all(hurry or passed_s >= steps[group.leader][1] for group in waiting):
            return
        time.sleep(POLL_S)


# -- starting ---------------------------------------------------------------------------------------------------------


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    death_signal: int = signal.SIGTERM,
    identity: Identity | None = None,
    cwd: str | Path = "/",
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, as `identity`, to receive `death_signal` when this thread's process dies.

    Linux ties the parent-death signal to the starting *thread*: call this from one that lives as long as the child.
    """
    user = f"{identity.uid}:{identity.gid}" if identity else "-"
    wrapper = [sys.executable, "-I", "-S", _SCRIPT, "run", str(os.getpid()), str(int(death_signal)), user]
    return subprocess.Popen(
        [*wrapper, *argv],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def _run(parent: int, death_signal: int, user: str, argv: list[str]) -> int:
    """Become `argv`: drop the user first, because a change of user clears the parent-death signal."""
    prctl = None
    if _LINUX:
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl
    if user != "-":
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if prctl is not None and prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        print("The kernel refused to tie this process to its parent.", file=sys.stderr)
        return 126
    if os.getppid() != parent:
        return 125  # the parent died before the signal was set, so nobody would ever end this process
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, os.environ)  # noqa: S606 - becoming another program is this function's work
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error.strerror}.", file=sys.stderr)
    return 127


# -- the guard --------------------------------------------------------------------------------------------------------


class Guard:
    """The process that ends the groups it was told about once this process is gone.

    `lock` is a file that the guard keeps locked until everything is ended, so that a next start can wait for it.
    `mark` names, as `end_marked` does, what may have left its group. `remove` are folders that it deletes at the end.
    Killing the guard itself does no harm: `renew` starts another.
    """

    def __init__(
        self,
        *,
        lock: Path | None = None,
        mark: str = "",
        remove: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._lock, self._mark, self._remove = lock, mark, remove
        self._env = dict(env if env is not None else {"PATH": os.environ.get("PATH", os.defpath)})
        self._groups: dict[int, Group] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    @property
    def pid(self) -> int:
        """Process id of the guard, 0 before the start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the guard; raises TimeoutError when the guard of an earlier run does not finish."""
        lock = _wait_for_lock(self._lock) if self._lock else None
        reader, self._pipe = os.pipe()
        try:
            passed = [] if lock is None else [lock]
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _SCRIPT, "guard", self._mark, *map(str, self._remove)],
                env=self._env,
                cwd="/",
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=passed,
            )
        finally:
            os.close(reader)
            if lock is not None:
                os.close(lock)  # the guard's copy keeps the lock

    def watch(self, group: Group) -> None:
        """End this group if this process vanishes."""
        self._groups[group.leader] = group
        plan = ",".join(f"{int(number)}:{grace_s}" for number, grace_s in group.plan)
        self._tell(f"watch {group.leader} {group.order} {plan} {group.title or '-'}\n")

    def forget(self, leader: int) -> None:
        """The group has ended; its number may soon belong to somebody else."""
        self._groups.pop(leader, None)
        self._tell(f"forget {leader}\n")

    def renew(self) -> bool:
        """Reap the guard if it died, and start another; True when that was needed."""
        if self._process is None or self._process.poll() is None:
            return False
        os.close(self._pipe)
        self.start()
        for group in list(self._groups.values()):
            self.watch(group)
        return True

    def close(self) -> None:
        """Let the guard go; it ends whatever has not been forgotten."""
        if self._process is not None:
            os.close(self._pipe)
            self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):  # a killed guard: renew() tells the next one everything
                os.write(self._pipe, line.encode())


def _wait_for_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + GUARD_LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise TimeoutError(f"The last run is still being ended: {path} stays locked.") from None
            time.sleep(POLL_S * 5)


def _guard(mark: str, remove: list[str]) -> int:
    """Read the groups until the writer is gone, then end those that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, Group] = {}
    for line in sys.stdin:
        word, leader, *rest = line.split()
        if word == "forget":
            groups.pop(int(leader), None)
            continue
        order, plan, title = rest
        steps = tuple((int(step.split(":")[0]), float(step.split(":")[1])) for step in plan.split(","))
        groups[int(leader)] = Group(int(leader), steps, int(order), "" if title == "-" else title)
    if groups:
        end_groups(groups.values())
        end_marked(mark)
    for folder in remove:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def main(arguments: list[str]) -> int:
    """`run PARENT SIGNAL UID:GID|- ARGV…` becomes ARGV; `guard MARK FOLDER…` waits for its input's end."""
    if arguments[0] == "run":
        return _run(int(arguments[1]), int(arguments[2]), arguments[3], arguments[4:])
    return _guard(arguments[1], arguments[2:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
