"""One PostgreSQL server on one cluster folder: initialise, configure, start as a direct child, wait, stop.

It is started by argv, without a shell and without pg_ctl, so that a folder may have any name and the server's parent
is this process. It listens on a socket in a 0700 folder only; peer authentication lets the server's own user and root
in, as any role, and nobody else.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

from pilothouse.kernel.base import postgres_install as install
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Group, Guard, Identity, StopPlan, alive, commands, end_groups, spawn, titled

SUPERUSER = "postgres"
PORT = 5432  # only names the socket file; no port is opened
MAX_CONNECTIONS = 150
READY_TIMEOUT_S = 60.0
OLD_SERVER_PATIENCE_S = 5.0
OLD_SERVER_STOP_S = 25.0
POLL_S = 0.02

SERVER_STOP: StopPlan = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown, then immediate, then none: each is safe for the data, the later ones make the next start recover."""

_HBA = """# Written at every start. Peer authentication by the map in pg_ident.conf; no network.
local all all peer map=house
local replication all peer map=house
"""

_SETTINGS = """# Written at every start. Put your own settings in a file that postgresql.conf includes after this one.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
cluster_name = '{title}'
max_connections = {max_connections}
shared_buffers = {shared_buffers}
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_locks_per_transaction = 128
wal_level = replica
min_wal_size = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
log_lock_waits = on
"""

_NOT_DURABLE = """fsync = off
synchronous_commit = off
full_page_writes = off
"""


class DatabaseStartFailed(PilothouseError):
    """PostgreSQL or one of its tools did not do its work."""

    code = "database_start_failed"
    status = 500
    message = "{step} failed: {output}"


class DatabaseBusy(PilothouseError):
    """A server that is not ours runs on the folder."""

    code = "database_busy"
    status = 409
    message = "Another PostgreSQL, process {pid}, is running on {folder}; stop it and start again."


def socket_url(socket_folder: Path, user: str, dbname: str) -> str:
    """Connection URL of a server that listens in this folder."""
    host = quote(str(socket_folder), safe="")
    return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={host}&port={PORT}"


@dataclass
class Server:
    """A server of `binaries` on `cluster`; `title` names its processes, so that leftovers can be found.

    Nothing is touched before `initialise`, `start` or `clear_stale` is called.
    """

    cluster: Path
    binaries: Path
    identity: Identity
    socket_folder: Path
    title: str
    major: int = install.MAJOR
    durable: bool = True
    shared_buffers: str = "256MB"
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _helper: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """Create the cluster, under another name until it is whole: a killed initdb leaves no half of one."""
        staging = self.cluster.with_name(self.cluster.name + ".new")
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700)
        install.own(staging, self.identity)
        # The builtin locale sorts by code point and needs nothing from the operating system.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        options = ["--encoding=UTF8", "--locale=C", *locale, "--auth=reject", f"--username={SUPERUSER}"]
        if not self.durable:
            options.append("--no-sync")
        self.tool("initdb", "-D", str(staging), *options)
        with (staging / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("\ninclude 'house.conf'\n")
        staging.rename(self.cluster)

    def system_id(self) -> str:
        """The cluster's own identity, given by initdb."""
        for line in self.tool("pg_controldata", "-D", str(self.cluster)).splitlines():
            name, _, value = line.partition(":")
            if name == "Database system identifier":
                return value.strip()
        raise DatabaseStartFailed(step="pg_controldata", output="it names no system identifier")

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of PostgreSQL's tools as the server's user and return what it printed."""
        self._helper = spawn(
            [str(self.binaries / name), *arguments],
            env=self._environment(),
            death_signal=signal.SIGKILL,
            identity=self._drop_to(),
            stdout=subprocess.PIPE,
        )
        output = self._helper.communicate()[0].decode("utf-8", "replace")
        code, self._helper = self._helper.returncode, None
        if code != 0:
            raise DatabaseStartFailed(step=name, output=output.strip()[-2000:] or f"exit code {code}")
        return output

    def start(
        self, *, stdout: int | IO[bytes], guard: Guard | None = None, death_signal: int = signal.SIGINT
    ) -> subprocess.Popen[bytes]:
        """Start the server as a child of this thread; `stdout` gets its log. `clear_stale` comes first."""
        self._configure()
        install.make_socket_folder(self.socket_folder, self.identity)
        argv = [str(self.binaries / "postgres"), "-D", str(self.cluster)]
        self.process = spawn(
            argv, env=self._environment(), death_signal=death_signal, identity=self._drop_to(), stdout=stdout
        )
        if guard is not None:
            guard.watch(self.group())
        return self.process

    def group(self) -> Group:
        """What to end, and how; databases are ended after everything else."""
        assert self.process is not None
        return Group(self.process.pid, SERVER_STOP, order=1, title=self.title)

    def is_ready(self) -> bool:
        """Whether the server that we started accepts connections, as it says in its own file."""
        lines = self._postmaster_file()
        return (
            self.process is not None
            and len(lines) > 7
            and lines[0] == str(self.process.pid)
            and lines[7].strip() == "ready"
        )

    def is_stopping(self) -> bool:
        """Whether the server that we started was told to shut down; a smart shutdown waits for the last client."""
        lines = self._postmaster_file()
        ours = self.process is not None and len(lines) > 7 and lines[0] == str(self.process.pid)
        return ours and lines[7].strip() == "stopping"

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until connections are accepted; a crash recovery may take its time."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                raise DatabaseStartFailed(step="PostgreSQL", output="it ended before it was ready; see its log")
            if time.monotonic() > deadline:
                raise DatabaseStartFailed(step="PostgreSQL", output=f"it was not ready within {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def stop(self, tick: Callable[[], bool] | None = None) -> None:
        """Stop the server, or the tool that is running; safe to call at any time and more than once."""
        helper, process = self._helper, self.process
        if helper is not None and helper.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(helper.pid, signal.SIGKILL)
        if process is not None:

            def reap() -> bool:
                process.poll()
                return tick() if tick else False

            end_groups([self.group()], reap)
            self.process = None
        self.forget_socket()

    def forget_socket(self) -> None:
        """Remove the socket folder of a server that has ended."""
        if not self.socket_folder.is_symlink():
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def clear_stale(self) -> None:
        """Make sure that nothing runs on the folder, and remove what a killed server left.

        The caller holds the data folder's lock, so a server with our title is a leftover that is being ended, or was
        overlooked: it is waited for, then stopped. `postmaster.pid` counts only if its process is a live postgres on
        this folder: after a kill -9 under a PID 1 that does not reap, PostgreSQL itself would refuse for ever.
        """
        pid = self._live_postmaster()
        if pid:
            self._outwait(pid)
        for leftover in titled(self.title):
            with contextlib.suppress(ProcessLookupError):
                os.kill(leftover, signal.SIGKILL)
        deadline = time.monotonic() + OLD_SERVER_STOP_S
        while titled(self.title) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        if self.socket_folder.is_dir() and not self.socket_folder.is_symlink():
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (self.socket_folder / name).unlink(missing_ok=True)

    def _outwait(self, pid: int) -> None:
        deadline = time.monotonic() + OLD_SERVER_PATIENCE_S
        ours = f"-D {self.cluster}" in commands().get(pid, "")
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if alive(pid) and ours:
            end_groups([Group(pid, ((signal.SIGINT, OLD_SERVER_STOP_S), (signal.SIGQUIT, 5.0)), title=self.title)])
        if alive(pid):
            raise DatabaseBusy(pid=pid, folder=self.cluster)

    def _live_postmaster(self) -> int:
        """Process id of a live postgres on this folder, 0 when the file is stale or missing."""
        lines = self._postmaster_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        command = commands().get(pid, "") if pid else ""
        if not command or not os.path.basename(command.split(" -")[0].split(":")[0]).startswith("postgres"):
            return 0
        if f"-D {self.cluster}" in command:
            return pid
        try:
            return pid if Path(os.readlink(f"/proc/{pid}/cwd")) == self.cluster else 0
        except OSError:
            return pid  # a postgres whose folder cannot be seen: rather refuse than corrupt

    def _postmaster_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def _configure(self) -> None:
        """Write the settings and who may log in; a later version of the product changes them by starting."""
        settings = _SETTINGS.format(
            port=PORT,
            socket_folder=self.socket_folder,
            title=self.title,
            max_connections=MAX_CONNECTIONS,
            shared_buffers=self.shared_buffers,
        )
        names = dict.fromkeys((self.identity.name, "root"))
        files = {
            "house.conf": settings + ("" if self.durable else _NOT_DURABLE),
            "pg_hba.conf": _HBA,
            "pg_ident.conf": "# Written at every start.\n" + "".join(f"house {name} all\n" for name in names),
        }
        for name, text in files.items():
            path = self.cluster / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(path, self.identity.uid, self.identity.gid)

    def _environment(self) -> dict[str, str]:
        # Without the caller's PG* variables, which would move the server elsewhere.
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **self.env}

    def _drop_to(self) -> Identity | None:
        return self.identity if os.geteuid() == 0 else None
