"""The server is killed under the ledger, or replaced by a restored dump: what was acknowledged stands once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from ledger_world import World, seal_all

from pilothouse.kernel.base.postgres import throwaway_postgres
from pilothouse.kernel.base.postgres_install import wheel_binaries
from pilothouse.kernel.base.roles import create_roles
from pilothouse.kernel.ledger import sealing

pytestmark = [pytest.mark.faults, pytest.mark.tamper]


def in_another_house(server, code, tmp_path, name):
    """Run Python on a server of its own, in this folder; what it printed last, as JSON."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PILOTHOUSE_")},
        "DATA": str(server.data),
        "DATABASE_NAME": name,
        "DATABASE_POOL": "0",
        "HOUSE_KIND": "test",
        "SEAL_HEAD_FOLDER": str(tmp_path),
        # Heads are signed with this key; a house that is restored brings its own.
        "SECRET_KEY": settings.SECRET_KEY,
        # The throwaway server acknowledges before it has written; a house's server does not.
        "PGOPTIONS": "-c synchronous_commit=on",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {code}"],
        cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_backends_killed_in_the_middle_of_transactions_lose_and_double_nothing(tmp_path):
    # A backend that dies by SIGKILL makes the whole server recover, so this test has a server of its own.
    with throwaway_postgres() as server:
        report = in_another_house(server, "import crash_attack; crash_attack.main()", tmp_path, "crash")
    assert report["killed"] == 3
    assert report["acknowledged"] > 100
    assert report["same"]
    assert (report["available"], report["held"], report["total"]) == (report["expected"], 0, 0)
    assert (report["broken"], report["seals"]) == ([], [])


def test_a_restored_dump_verifies_and_its_chain_goes_on(house, tmp_path):
    """In the new cluster transaction numbers start low again; the offset keeps the chain's order."""
    world = World.open(house.tenant().id, 500)
    for number in range(3):
        world.batch(f"bat_{number}", number * 10 + 1, 10, 9)
        seal_all()
    heads = sealing.export_heads(tmp_path / "exported")
    source = settings.DATABASES["owner"]
    with throwaway_postgres() as server:
        restore(server, f"host={source['HOST']} port={source['PORT']} user=postgres dbname={house.name}", tmp_path)
        code = f"import restored_house; restored_house.main({world.tenant}, {str(heads)!r})"
        report = in_another_house(server, code, tmp_path, "restored")
    assert (report["before"], report["after"], report["broken"]) == ([], [], [])
    assert report["offset"] > 0
    assert report["new"] == [4]
    assert report["blocks"] == [1, 2, 3, 4]
    assert report["wallet"] == 500 - 27 * 10 - 20


def restore(server, source, tmp_path):
    """What an operator does: roles, an empty database, the dump."""
    folder = wheel_binaries()
    target = server.dsn(dbname="postgres")
    with psycopg.connect(target, autocommit=True) as connection:
        create_roles(connection, None)
        connection.execute("CREATE DATABASE restored OWNER ph_owner TEMPLATE template0")
    dump = tmp_path / "house.dump"
    subprocess.run([folder / "pg_dump", "-Fc", f"--file={dump}", f"--dbname={source}"], check=True, timeout=120)
    subprocess.run(
        [folder / "pg_restore", "--exit-on-error", f"--dbname={server.dsn(dbname='restored')}", dump],
        check=True, timeout=120,
    )  # fmt: skip
