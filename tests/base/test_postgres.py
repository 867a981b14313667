"""The embedded server: where it runs, who gets in, and what it refuses to start on."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from pilothouse.kernel.base import postgres_install as install
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Guard
from pilothouse.kernel.base.postgres import EmbeddedPostgres
from pilothouse.kernel.base.postgres_server import Server

pytestmark = pytest.mark.faults
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="needs root to change users")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user can enter, in a path that needs quoting everywhere."""
    top = Path(tempfile.mkdtemp(prefix="ph-test-", suffix=' it\'s, "my" house'))
    top.chmod(0o711)
    yield top
    shutil.rmtree(top)


@contextlib.contextmanager
def serving(data: Path) -> Iterator[EmbeddedPostgres]:
    """The folder's server, up."""
    database = EmbeddedPostgres(data, fsync=False)
    guard = Guard()
    guard.start()
    try:
        database.prepare()
        database.start(stdout=subprocess.DEVNULL, guard=guard)
        database.wait_ready()
        yield database
    finally:
        database.stop()
        guard.close()


def processes(mark: str) -> list[psutil.Process]:
    """Live processes with this text in their command line."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and mark in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_it_serves_durably_in_utc_on_a_closed_socket_and_keeps_its_data(folder: Path) -> None:
    data = folder / "data"
    EmbeddedPostgres(data)
    assert not data.exists(), "the constructor only computes names"
    with serving(data) as database, psycopg.connect(database.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        settings = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('TimeZone'), current_setting('data_checksums')"
        ).fetchone()
        assert settings == ("", "UTC", "on")
        assert stat.S_IMODE(database.socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "pg18").stat().st_mode) == 0o700
        assert len(str(database.socket_folder / ".s.PGSQL.5432")) < 100
        if ROOT:
            assert processes(str(data / "pg18"))[0].username() == "nobody"
    assert not database.socket_folder.exists()
    assert not processes(database.name)
    house = json.loads((data / "HOUSE.json").read_text())
    assert (house["postgres"], house["cluster"].isdigit()) == (18, True)
    database = EmbeddedPostgres(data)
    database.prepare()
    assert database.server is not None
    assert database.server.durable
    with serving(data) as database, psycopg.connect(database.dsn()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_durable_is_the_default(folder: Path) -> None:
    database = EmbeddedPostgres(folder / "data")
    database.prepare()
    database.start(stdout=subprocess.DEVNULL)
    try:
        database.wait_ready()
        with psycopg.connect(database.dsn()) as connection:
            rows = connection.execute(
                "SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
            ).fetchall()
        assert rows == [("on",)] * 3
    finally:
        database.stop()


@needs_root
def test_root_and_the_server_user_log_in_as_any_role_and_nobody_else_does(folder: Path) -> None:
    psql = str(install.wheel_binaries() / "psql")
    with serving(folder / "data") as database:
        with psycopg.connect(database.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE ph_web LOGIN")

        def as_user(name: str) -> subprocess.CompletedProcess[str]:
            command = [psql, "-XAtc", "SELECT current_user", "-d", database.dsn("ph_web", "postgres")]
            return subprocess.run(
                command, user=name, extra_groups=[], cwd="/", env={}, capture_output=True, text=True, check=False
            )

        assert as_user("nobody").stdout == "ph_web\n"
        with psycopg.connect(database.dsn("ph_web", "postgres")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("ph_web",)
        assert "Permission denied" in as_user("daemon").stderr
        # The second wall: open the folder and the socket, and peer authentication still refuses.
        database.socket_folder.chmod(0o755)
        (database.socket_folder / ".s.PGSQL.5432").chmod(0o777)
        assert 'Peer authentication failed for user "ph_web"' in as_user("daemon").stderr


@needs_root
def test_data_below_a_closed_folder_sits_elsewhere_and_no_permission_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "SEAT_ROOT", folder / "var")
    home = folder / "root's home"
    home.mkdir(mode=0o700)
    data = home / "data"
    for _ in range(2):
        with serving(data) as database, psycopg.connect(database.dsn()) as connection:
            connection.execute("SELECT 1")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (data / "pg18").is_symlink()
    assert len(list((folder / "var").iterdir())) == 1, "the second start must find the first one's seat"


@needs_root
def test_binaries_that_the_server_user_cannot_execute_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # initdb itself calls its server through a shell, between double quotes: a folder of binaries may hold a space only.
    with tempfile.TemporaryDirectory(prefix="ph-test-", suffix=" my house") as name:
        Path(name).chmod(0o711)
        _copies_once(Path(name), monkeypatch)


def _copies_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "venv"
    closed.mkdir(mode=0o700)
    package = install.wheel_binaries().parent.parent
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            ignored = shutil.ignore_patterns("pginstall")
            shutil.copytree(package.parent / name, closed / name, symlinks=True, ignore=ignored)
    monkeypatch.setattr(install, "wheel_binaries", lambda major=18: closed / package.name / "pginstall18" / "bin")
    umask = os.umask(0o077)
    try:
        _serve_twice(folder / "data")
    finally:
        os.umask(umask)
    assert len(list((folder / "data" / "bin").iterdir())) == 1


def _serve_twice(data: Path) -> None:
    for _ in range(2):
        with serving(data) as database:
            assert database.server is not None
            assert (data / "bin") in database.server.binaries.parents


def test_another_major_is_refused_in_one_sentence(folder: Path) -> None:
    data = folder / "data"
    (data / "pg16").mkdir(parents=True)
    (data / "pg16" / "PG_VERSION").write_text("16\n")
    with pytest.raises(PilothouseError, match=r"is of PostgreSQL 16 .* run `pilothouse database upgrade`") as refused:
        EmbeddedPostgres(data).prepare()
    assert refused.value.code == "database_other_major"
    assert not (data / "pg18").exists()


def test_a_cluster_that_vanished_is_not_replaced_by_an_empty_one(folder: Path) -> None:
    data = folder / "data"
    EmbeddedPostgres(data, fsync=False).prepare()
    (data / "pg18").rename(data / "moved")
    with pytest.raises(PilothouseError, match="is gone or is another cluster"):
        EmbeddedPostgres(data).prepare()
    assert not (data / "pg18").exists()
    (data / "HOUSE.json").rename(data / "HOUSE.old")
    EmbeddedPostgres(data, fsync=False).prepare()
    (data / "HOUSE.old").rename(data / "HOUSE.json")
    with pytest.raises(PilothouseError, match="is gone or is another cluster"):
        EmbeddedPostgres(data).prepare()


def test_half_an_initdb_is_thrown_away(folder: Path) -> None:
    data = folder / "data"
    (data / "pg18.new").mkdir(parents=True)
    (data / "pg18.new" / "PG_VERSION").write_text("18\n")
    data.chmod(0o711)
    with serving(data) as database, psycopg.connect(database.dsn()) as connection:
        connection.execute("SELECT 1")


@pytest.mark.parametrize("whose", ["zombie", "other program", "nobody"])
def test_a_stale_pid_file_does_not_stop_the_start(folder: Path, whose: str) -> None:
    data = folder / "data"
    database = EmbeddedPostgres(data, fsync=False)
    database.prepare()
    process = database.start(stdout=subprocess.DEVNULL)
    database.wait_ready()
    process.send_signal(signal.SIGKILL)  # and not reaped: a zombie as under a PID 1 that never reaps
    assert _until(lambda: len(processes(database.name)) == 0)
    pid_file = data / "pg18" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    if whose == "zombie":
        assert _until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    else:
        lines[0] = str(os.getppid()) if whose == "other program" else "4194000"
        pid_file.write_text("\n".join(lines) + "\n")
    with serving(data) as again, psycopg.connect(again.dsn()) as connection:
        connection.execute("SELECT 1")
    process.wait()


def test_a_live_server_on_the_folder_is_waited_for(folder: Path) -> None:
    data = folder / "data"
    with serving(data) as first:
        assert first.server is not None
        assert first.server.process is not None
        first.server.process.send_signal(signal.SIGINT)
        second = EmbeddedPostgres(data, fsync=False)
        second.prepare()
        assert not processes(first.name)


@needs_root
def test_a_socket_folder_that_somebody_else_made_is_refused(folder: Path) -> None:
    database = EmbeddedPostgres(folder / "data", fsync=False)
    database.prepare()
    database.socket_folder.mkdir(mode=0o777)
    os.chown(database.socket_folder, 1, 1)
    try:
        with pytest.raises(PilothouseError, match="belongs to another user"):
            database.start(stdout=subprocess.DEVNULL)
    finally:
        database.socket_folder.rmdir()
    database.socket_folder.symlink_to(folder)
    try:
        with pytest.raises(PilothouseError, match="belongs to another user"):
            database.start(stdout=subprocess.DEVNULL)
    finally:
        database.socket_folder.unlink()


def test_a_throwaway_server_and_its_folder_are_gone_after_kill_9(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "from pilothouse.kernel.base.postgres import throwaway_postgres\n"
        "with throwaway_postgres() as database:\n"
        "    print(database.data, database.name, flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    data, name = holder.stdout.readline().split()
    assert len(processes(name)) > 3
    holder.kill()
    assert _until(lambda: not processes(name) and not processes(data) and not Path(data).parent.exists())
    assert _until(lambda: not EmbeddedPostgres(Path(data)).socket_folder.exists())
    holder.communicate()


def test_an_older_major_is_upgraded_and_the_old_folder_kept(folder: Path) -> None:
    from pilothouse.kernel.base.upgrade import upgrade

    data = folder / "data"
    data.mkdir(mode=0o711)
    old = _old_server(data)
    old.start(stdout=subprocess.DEVNULL)
    try:
        old.wait_ready()
        address = EmbeddedPostgres(data).dsn()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE ROLE ph_owner")
            connection.execute("ALTER ROLE ph_owner SET row_security = off")
            connection.execute('CREATE DATABASE "pilot house" OWNER ph_owner')
        with psycopg.connect(EmbeddedPostgres(data).dsn(dbname="pilot house")) as connection:
            connection.execute("CREATE TABLE item AS SELECT n, 'prompt ' || n AS text FROM generate_series(1, 5000) n")
            connection.execute("ALTER TABLE item ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    finally:
        old.stop()
    (data / "HOUSE.json").write_text(json.dumps({"product": "0", "postgres": 16, "cluster": old.system_id()}))
    with pytest.raises(PilothouseError, match="pilothouse database upgrade"):
        EmbeddedPostgres(data).prepare()
    with pytest.raises(PilothouseError, match="--old-bin") as missing:
        upgrade(data, old_bin=install.wheel_binaries(18))
    assert missing.value.code == "old_binaries_missing"
    said: list[str] = []
    assert upgrade(data, say=said.append) == (data / "pg16").resolve()
    assert (data / "pg16" / "PG_VERSION").exists()
    assert any("pilot house" in line for line in said)
    with serving(data) as database, psycopg.connect(database.dsn(dbname="pilot house")) as connection:
        assert connection.execute("SELECT count(*), max(text) FROM item").fetchone() == (5000, "prompt 999")
        role = connection.execute("SELECT rolconfig FROM pg_roles WHERE rolname = 'ph_owner'").fetchone()
        assert role == (["row_security=off"],)
        assert connection.execute("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'item'").fetchone() == (
            True,
        )
    with pytest.raises(PilothouseError, match="already"):
        upgrade(data)


def _old_server(data: Path) -> Server:
    embedded = EmbeddedPostgres(data)
    cluster = (data / "pg16").resolve()
    identity = install.run_as(cluster)
    try:
        binaries = install.usable_binaries(data, identity, 16)
    except PilothouseError:
        pytest.skip("the installed wheel carries no older server")
    server = Server(cluster, binaries, identity, embedded.socket_folder, embedded.name, major=16, durable=False)
    server.initialise()
    return server


def _until(what: object, timeout_s: float = 15.0) -> bool:
    assert callable(what)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False
