"""A backup is proven by restoring it; what is lost is named; the worker makes one in time, and an old one is told."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from pilothouse.kernel.base import clock, simulated_clock
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.files.storage import LocalStore
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.watch.backups import CHECK, record_verified, watch_backups
from pilothouse.kernel.watch.checks import offending
from pilothouse.kernel.work.models import Job
from pilothouse.site import backup, backup_verify
from pilothouse.site.migrate import admin_connection

pytestmark = pytest.mark.house


def command(house: Any, *words: str) -> tuple[int, dict[str, Any]]:
    """The command in a process of its own, as the worker runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "backup", *words, "--json"],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path)), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout or done.stderr)


def runs() -> list[int]:
    """How many problems each verification found, in order."""
    with worker_scope("test"):
        return [row["rows"] for row in run("SELECT rows FROM check_run WHERE name = %s ORDER BY id", [CHECK])]


def databases() -> set[str]:
    with admin_connection("postgres") as admin:
        return {row[0] for row in admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'verify_%'")}


@pytest.mark.tamper
def test_a_backup_is_restored_counted_and_looked_at(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "files"
    root.mkdir()
    monkeypatch.setattr(backup, "store", lambda: LocalStore(root))
    with worker_scope("test"):
        grant(house.tenant().id, 100, "pilot_grant", "Credits")
    good = tmp_path / "good"
    backup.backup(good)
    code, told = command(house, "verify", str(good))
    assert (code, told["problems"]) == (0, []), told
    assert told["rows"] > 2
    assert told["promises"] > 3
    assert told["invariants"] > 10
    assert runs() == [0]
    assert databases() == set()

    def counts(manifest: dict[str, Any]) -> None:
        manifest["rows"]["transfer"] += 1

    short = changed(good, tmp_path / "short", counts)
    code, told = command(house, "verify", str(short))
    assert code == 1
    assert told["problems"] == ["transfer has 1 rows; 2 were backed up"]
    assert runs() == [0, 1]
    broken = Path(shutil.copytree(good, tmp_path / "broken"))
    (broken / "database.dump").write_bytes(b"short")
    code, told = command(house, "verify", str(broken))
    assert (code, told["error"]["code"]) == (1, "backup_unreadable")
    assert runs() == [0, 1]
    assert databases() == set()


def changed(good: Path, target: Path, change: Any) -> Path:
    """A copy of a backup with another manifest."""
    shutil.copytree(good, target)
    manifest = json.loads((target / "backup.json").read_text())
    change(manifest)
    (target / "backup.json").write_text(json.dumps(manifest))
    return target


def test_a_file_that_the_copy_names_and_does_not_hold_is_named(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "files.tar", "w"):
        pass
    monkeypatch.setattr(backup_verify, "run", lambda _sql: [{"storage_key": "a/one.mp4"}])
    found: dict[str, Any] = {"problems": []}
    backup_verify._files(tmp_path, {"parts": {"files.tar": ""}}, found)
    assert found["problems"] == ["the file a/one.mp4 is not in the backup"]


def test_the_worker_makes_proves_and_forgets(house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backup_verify.periodic() == []
    monkeypatch.setattr(settings, "BACKUP_FOLDER", str(tmp_path / "kept"))
    assert [each.name for each in backup_verify.periodic()] == ["backup"]
    backup_verify.queue_if_due()
    backup_verify.queue_if_due()
    with worker_scope("test"):
        assert list(Job.objects.values_list("kind", "state")) == [("backup", "queued")]
    for day in range(1, 9):
        old = tmp_path / "kept" / f"pilothouse-2020010{day}T000000Z"
        old.mkdir(parents=True)
        (old / "backup.json").touch()
    mine = tmp_path / "kept" / "before-upgrade"
    mine.mkdir()
    for name, value in house.env(PYTHONPATH=os.pathsep.join(sys.path)).items():
        monkeypatch.setenv(name, value)
    made = Path(backup_verify.make_and_verify({})["folder"])
    assert (made / "backup.json").is_file()
    assert runs() == [0]
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["before-upgrade", *(f"pilothouse-2020010{day}T000000Z" for day in range(3, 9)), made.name]
    with worker_scope("test"):
        Job.objects.update(state="done")
    backup_verify.queue_if_due()
    with worker_scope("test"):
        assert not Job.objects.filter(state="queued").exists()


def incidents() -> list[str]:
    with worker_scope("test"):
        return [row["title"] for row in run("SELECT title FROM incident WHERE kind = 'backup_stale'")]


def later(hours: int) -> None:
    with worker_scope("test"):
        simulated_clock.move_to(clock.business_now() + timedelta(hours=hours))


def test_an_old_backup_is_an_incident_where_backups_are_scheduled(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker_scope("test"):
        record_verified(["transfer has 1 rows; 2 were backed up"], 1)
    later(25)
    watch_backups()
    assert incidents() == [], "nobody asked for backups"
    monkeypatch.setattr(settings, "BACKUP_FOLDER", "/backups")
    watch_backups()
    watch_backups()
    assert incidents() == ["No backup was verified for 24 hours: none was ever verified"]
    with worker_scope("test"):
        assert offending(CHECK) == 1
        record_verified([], 1)
        assert offending(CHECK) == 0
    later(23)
    with worker_scope("test"):
        assert offending(CHECK) == 0
    later(2)
    with worker_scope("test"):
        assert offending(CHECK) == 1
