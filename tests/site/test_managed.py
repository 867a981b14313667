"""A managed PostgreSQL: an empty database that was made for us, and an administrator who is no superuser."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pilothouse.kernel.base.postgres import EmbeddedPostgres, throwaway_postgres

pytestmark = pytest.mark.house
ADMIN = "managed_admin"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of this file's own: in the shared one a superuser made the roles."""
    with throwaway_postgres() as started:
        with psycopg.connect(started.dsn(), autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE PASSWORD 'given'")
            for name in ("given", "second", "shop", "bare"):
                superuser.execute(f"CREATE DATABASE {name} OWNER {ADMIN}")
        yield started


def pilothouse(server: EmbeddedPostgres, dbname: str, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    address = f"postgresql://{ADMIN}:given@/{dbname}?host={server.socket_folder}"
    environment = {
        "PATH": "/usr/bin:/bin", "DATA": str(data), "DATABASE_URL": address, "SECRET_KEY": "k" * 40,
        "SITE_URL": "https://pilots.example", "HOUSE_KIND": "test",
    }  # fmt: skip
    return subprocess.run(
        [str(Path(sys.executable).with_name("pilothouse")), *arguments],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_an_empty_database_is_made_ours_without_a_superuser(server: EmbeddedPostgres, tmp_path: Path) -> None:
    for _ in range(2):
        done = pilothouse(server, "given", tmp_path, "migrate")
        assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(server.dsn(dbname="given")) as superuser:
        owners = superuser.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("ph_owner",)]
        temporary = "SELECT has_database_privilege('ph_web', 'given', 'TEMPORARY')"
        assert superuser.execute(temporary).fetchone() == (False,)


def test_a_database_with_tables_of_somebody_else_is_left_alone(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with psycopg.connect(server.dsn(dbname="shop")) as superuser:
        superuser.execute("CREATE TABLE customer (name text)")
    refused = pilothouse(server, "shop", tmp_path, "migrate")
    assert refused.returncode == 1
    assert refused.stderr == (
        "database_taken: The database shop holds tables that are not ours (customer, …): "
        "name a database of Pilothouse's own in DATABASE_URL.\n"
    )
    with psycopg.connect(server.dsn(dbname="shop")) as superuser:
        assert superuser.execute("SELECT relname FROM pg_class WHERE relname = 'house'").fetchall() == []


@pytest.mark.parametrize(("dbname", "says"), [("nobodys", "database_unreachable: "), ("bare", "database_old_shape: ")])
def test_a_database_that_is_missing_or_bare_is_one_sentence(
    server: EmbeddedPostgres, tmp_path: Path, dbname: str, says: str
) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as superuser:
        superuser.execute("DO $$ BEGIN CREATE ROLE ph_worker LOGIN PASSWORD 'x'; EXCEPTION WHEN OTHERS THEN END $$")
    refused = pilothouse(server, dbname, tmp_path, "tenant", "list")
    assert refused.returncode == 1
    assert refused.stderr.startswith(says)
    assert refused.stderr.endswith("`pilothouse migrate`.\n")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_backup_of_it_is_restored_beside_it(server: EmbeddedPostgres, tmp_path: Path) -> None:
    assert pilothouse(server, "given", tmp_path, "migrate").returncode == 0
    made = pilothouse(server, "given", tmp_path, "tenant", "create", "Northwind")
    assert made.returncode == 0, made.stderr
    kept = tmp_path / "kept"
    written = pilothouse(server, "given", tmp_path, "backup", str(kept))
    assert written.returncode == 0, written.stderr
    restored = pilothouse(server, "second", tmp_path / "other", "restore", str(kept))
    assert restored.returncode == 0, restored.stderr
    assert "Northwind" in pilothouse(server, "second", tmp_path / "other", "tenant", "list").stdout
    checked = pilothouse(server, "second", tmp_path / "other", "check").stdout
    broken = [line.split()[2] for line in checked.splitlines() if line.startswith("✗")]
    assert broken == ["workers"], "no worker has run here"
