"""`pilothouse database upgrade`: from an older major of PostgreSQL to the one of this version.

Dump and restore, not pg_upgrade: it needs only that the old server can run, works between any two majors, and checks
every constraint anew. The old folder is kept. HOUSE.json is written last, so a run that is killed can be repeated.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from pilothouse.kernel.base import postgres_install as install
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Guard, Identity
from pilothouse.kernel.base.postgres import EmbeddedPostgres
from pilothouse.kernel.base.postgres_server import SUPERUSER, Server, socket_url

PARALLEL_JOBS_COUNT = 2


class OldBinariesMissing(PilothouseError):
    """The old server cannot be run, so its data cannot be read."""

    code = "old_binaries_missing"
    status = 409
    message = (
        "The database in {folder} is of PostgreSQL {major}, and there is no server of that version in {looked_in}: "
        "install one and name its bin folder with --old-bin."
    )


class NothingToUpgrade(PilothouseError):
    """There is no database, or it is of the current major."""

    code = "nothing_to_upgrade"
    status = 409
    message = "There is nothing to upgrade in {folder}: {reason}."


class UpgradeDiffers(PilothouseError):
    """The new database does not hold what the old one holds."""

    code = "upgrade_differs"
    status = 500
    message = "The upgraded database {database} differs in the tables {tables}; the old one in {folder} is untouched."


def upgrade(data: Path, *, old_bin: Path | None = None, say: Callable[[str], None] = lambda _: None) -> Path:
    """Bring the data folder's database to the current major and return the old cluster's folder, which is kept.

    The caller holds the data folder's lock. `old_bin` is the bin folder of the old major's server, by default the one
    in the installed wheel. Every table's row count is compared before the new cluster takes the old one's place.
    """
    embedded = EmbeddedPostgres(data)
    major = embedded.major_on_disk()
    if major is None or major == install.MAJOR:
        reason = "it has no database" if major is None else f"it is of PostgreSQL {major} already"
        raise NothingToUpgrade(folder=embedded.data, reason=reason)
    if not (embedded.data / f"pg{major}").is_dir():
        raise NothingToUpgrade(folder=embedded.data, reason=f"its folder pg{major} is missing")
    old, new = _servers(embedded, major, old_bin)
    final = new.cluster.with_name(f"pg{install.MAJOR}")
    for unfinished in (new.cluster, final):  # HOUSE.json names the old major, so no server ever ran on these
        shutil.rmtree(unfinished, ignore_errors=True)
    dump = final.with_name("upgrade-dump")
    shutil.rmtree(dump, ignore_errors=True)
    dump.mkdir(mode=0o700)
    install.own(dump, old.identity)
    old.clear_stale()
    new.initialise()
    try:
        with _both(old, new, embedded.data):
            _copy_roles(old, new, dump)
            for database in _databases(old):
                say(f"Copying the database {database}.")
                _copy(old, new, database, dump)
                _compare(old, new, database)
    finally:
        shutil.rmtree(dump, ignore_errors=True)
    new.cluster.rename(final)
    new.cluster = final
    if final.parent != embedded.data:
        (embedded.data / final.name).symlink_to(final)
    embedded.record(new)
    say(f"The database is of PostgreSQL {install.MAJOR} now; the old one is kept in {old.cluster}.")
    return old.cluster


def _servers(embedded: EmbeddedPostgres, major: int, old_bin: Path | None) -> tuple[Server, Server]:
    cluster = (embedded.data / f"pg{major}").resolve()
    identity = install.run_as(cluster)
    old = Server(
        cluster=cluster,
        binaries=_old_binaries(cluster, identity, major, old_bin),
        identity=identity,
        socket_folder=install.SOCKET_ROOT / f"{embedded.name}-old",
        title=f"{embedded.name}-old",
        major=major,
        env={"DATA": str(embedded.data)},
    )
    new = Server(
        cluster=cluster.with_name(f"pg{install.MAJOR}.upgrade"),
        binaries=install.usable_binaries(cluster.parent, identity),
        identity=identity,
        socket_folder=install.SOCKET_ROOT / f"{embedded.name}-new",
        title=f"{embedded.name}-new",
        env={"DATA": str(embedded.data)},
    )
    return old, new


def _old_binaries(cluster: Path, identity: Identity, major: int, old_bin: Path | None) -> Path:
    if old_bin is None:
        try:
            return install.usable_binaries(cluster.parent, identity, major)
        except install.DatabaseBinariesMissing as missing:
            looked_in = str(missing.details["folder"])
            raise OldBinariesMissing(folder=cluster, major=major, looked_in=looked_in) from None
    server = old_bin / "postgres"
    version = ""
    with contextlib.suppress(OSError):
        version = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    if f"(PostgreSQL) {major}." not in version:
        raise OldBinariesMissing(folder=cluster, major=major, looked_in=str(old_bin))
    return old_bin


@contextlib.contextmanager
def _both(old: Server, new: Server, data: Path) -> Iterator[None]:
    """Both servers up, their logs beside the data; ended whatever happens."""
    guard = Guard()
    guard.start()
    (data / "logs").mkdir(mode=0o700, exist_ok=True)
    try:
        for server in (old, new):
            with (data / "logs" / "upgrade.log").open("ab") as log:
                server.start(stdout=log, guard=guard)
        for server in (old, new):
            server.wait_ready()
        yield
    finally:
        for server in (old, new):
            started = server.process
            server.stop()
            if started is not None:
                guard.forget(started.pid)
        guard.close()


def _url(server: Server, database: str = SUPERUSER) -> str:
    return socket_url(server.socket_folder, SUPERUSER, database)


def _copy_roles(old: Server, new: Server, dump: Path) -> None:
    """Roles with their memberships and settings; the superuser is there already."""
    # The new tools read every older server, and write what the new one understands.
    script = dump / "roles.sql"
    new.tool("pg_dumpall", "--globals-only", "--no-tablespaces", f"--file={script}", f"--dbname={_url(old)}")
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace(f"CREATE ROLE {SUPERUSER};\n", ""), encoding="utf-8")
    new.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", _url(new), "-f", str(script))


def _databases(old: Server) -> list[str]:
    with psycopg.connect(_url(old)) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1' ORDER BY datname"
        ).fetchall()
    return [str(row[0]) for row in rows]


def _copy(old: Server, new: Server, database: str, dump: Path) -> None:
    """One database through a folder of compressed files, in parallel."""
    folder = dump / "database"
    shutil.rmtree(folder, ignore_errors=True)
    jobs = f"--jobs={PARALLEL_JOBS_COUNT}"
    new.tool("pg_dump", "--format=directory", jobs, f"--file={folder}", f"--dbname={_url(old, database)}")
    create = [] if database == SUPERUSER else ["--create"]
    new.tool("pg_restore", "--exit-on-error", jobs, *create, f"--dbname={_url(new)}", str(folder))


def _compare(old: Server, new: Server, database: str) -> None:
    before, after = _row_counts(_url(old, database)), _row_counts(_url(new, database))
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if differing:
        raise UpgradeDiffers(database=database, tables=", ".join(differing), folder=old.cluster)


def _row_counts(url: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            row = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
            ).fetchone()
            counts[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counts
