"""A dump writes a rule in other words; of what was restored, only what `migrate` installs anew may look changed."""

import subprocess

import pytest
from django.conf import settings

from pilothouse.kernel.base.postgres_install import wheel_binaries
from pilothouse.kernel.base.walls import RECORDED, SQL
from pilothouse.site.migrate import admin_connection

pytestmark = [pytest.mark.house, pytest.mark.tamper]


@pytest.fixture
def restored(house, tmp_path):
    """The name of a database that holds a restored dump of the house."""
    name, folder, entry = f"{house.name}_restored", wheel_binaries(), settings.DATABASES["owner"]
    address = f"host={entry['HOST']} port={entry['PORT']} user=postgres dbname="
    with admin_connection("postgres") as admin:
        admin.execute(f'CREATE DATABASE "{name}" OWNER ph_owner TEMPLATE template0')
    try:
        dump = tmp_path / "house.dump"
        for command in (
            [folder / "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={address}{house.name}"],
            [folder / "pg_restore", "--exit-on-error", f"--dbname={address}{name}", dump],
        ):
            subprocess.run(command, check=True, timeout=60)
        yield name
    finally:
        with admin_connection("postgres") as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_only_triggers_look_changed_until_migrate_installs_them_anew(restored):
    with admin_connection(restored) as admin:
        recorded = {row[:3]: row[3] for row in admin.execute(RECORDED)}
        admin.execute("SELECT set_config('search_path', '', false)")
        found = {row[:3]: row[3] for row in admin.execute(SQL.text("walls"), {})}
    other = {key for key in recorded.keys() | found.keys() if recorded.get(key) != found.get(key)}
    assert len(recorded) > 1000
    assert {(kind, name) for kind, _, name in other} <= {
        ("trigger", "lifecycle_update"), ("trigger", "terms_frozen"), ("trigger", "payout_stays_sent"),
        ("trigger", "send_request_stays"), ("trigger", "deal_holds_its_escrow public.deal_holds_its_escrow"),
    }  # fmt: skip
