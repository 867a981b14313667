"""Proves a backup by restoring it: into a database of its own, counted against its manifest, its promises looked at.

The worker makes one every BACKUP_EVERY_S into BACKUP_FOLDER and proves it. It does both in a process of its own: one
that looks at the copy cannot use the house meanwhile.
"""

import secrets
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.watch import backups
from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS, REGISTRY, look
from pilothouse.kernel.work.jobs import job, queue
from pilothouse.kernel.work.pump import Periodic

from .backup import FILES, MANIFEST, BackupFailed, count_rows, load, readable_manifest, shape
from .migrate import OWNER, admin_connection, create_database
from .rehearsal import drop_database, use_database

# Begun so early that a copy is proven before the last one is a day old, also when a try fails.
BACKUP_EVERY_S = 20 * 3600
BACKUP_DUE_EVERY_S = 600
BACKUP_TIMEOUT_S = 6 * 3600
BACKUPS_KEPT_COUNT = 7
NAME_FORMAT = "pilothouse-%Y%m%dT%H%M%SZ"
NAME_PATTERN = "pilothouse-????????T??????Z"
PROBLEMS_SHOWN_COUNT = 20
JOB = "backup"


def verify(folder: Path) -> dict[str, Any]:
    """Restore a backup into a scratch database of the house's server, look at it, drop it, and remember the result.

    Returns {tables, rows, files, promises, invariants, problems}. Raises BackupUnreadable and RestoreRefused before
    anything is made. Nothing else of this process may use the database meanwhile.
    """
    started = monotonic()
    manifest = readable_manifest(folder)
    house, name = settings.DATABASES[OWNER]["NAME"], f"verify_{secrets.token_hex(6)}"
    try:
        use_database(name)
        create_database()
    except psycopg.Error as error:
        use_database(house)
        raise BackupFailed(tool="CREATE DATABASE", output=str(error).strip()) from None
    try:
        load(folder)
        found = _counted(manifest)
        shape(manifest)
        _files(folder, manifest, found)
        _promises(found)
    finally:
        use_database(house)
        with admin_connection("postgres") as admin:
            drop_database(admin, name)
    with worker_scope("backup"):
        backups.record_verified(found["problems"][:PROBLEMS_SHOWN_COUNT], int((monotonic() - started) * 1000))
    return found


def _counted(manifest: dict[str, Any]) -> dict[str, Any]:
    with admin_connection() as connection:
        rows = count_rows(connection)
    problems = [
        f"{table} has {rows.get(table, 0)} rows; {count} were backed up"
        for table, count in manifest["rows"].items()
        if rows.get(table) != count
    ]
    return {"tables": len(rows), "rows": sum(rows.values()), "files": 0, "problems": problems}


def _files(folder: Path, manifest: dict[str, Any], found: dict[str, Any]) -> None:
    """Every file that the copy names is in it; a bucket's are not copied."""
    if FILES not in manifest["parts"]:
        return
    with tarfile.open(folder / FILES) as tar:
        kept = set(tar.getnames())
    with worker_scope("backup"):
        named = [row["storage_key"] for row in run("SELECT storage_key FROM file")]
    found["files"] = len(kept)
    found["problems"] += [f"the file {key} is not in the backup" for key in named if key not in kept]


def _promises(found: dict[str, Any]) -> None:
    with worker_scope("backup"):
        seen = {name: look(promise).rows for name, promise in REGISTRY.items()}
        held = {row["name"]: row["rows"] for row in run_invariants(INVARIANT_FOLDERS)}
    found |= {"promises": len(seen), "invariants": len(held)}
    found["problems"] += [f"{name} finds {rows} rows" for name, rows in {**seen, **held}.items() if rows]


def periodic() -> list[Periodic]:
    """The schedule, where BACKUP_FOLDER names a folder."""
    return [Periodic("backup", BACKUP_DUE_EVERY_S, queue_if_due)] if settings.BACKUP_FOLDER else []


def queue_if_due() -> None:
    """Queue a backup when the last verified one is BACKUP_EVERY_S old, or there is none."""
    with worker_scope("backup"):
        at = backups.last_verified()
        if at is None or (clock.business_now() - at).total_seconds() >= BACKUP_EVERY_S:
            queue(JOB, {}, unique=JOB)


@job(JOB)
def make_and_verify(_payload: dict[str, Any]) -> dict[str, str]:
    """Write a backup into BACKUP_FOLDER and prove it, in a process of its own; then forget the oldest ones."""
    root = Path(settings.BACKUP_FOLDER)
    target = root / clock.now().strftime(NAME_FORMAT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "backup", str(target), "--verify", "--json"],
        capture_output=True, text=True, check=False, timeout=BACKUP_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode != 0:
        raise BackupFailed(tool="pilothouse backup", output=(done.stdout or done.stderr).strip()[-1000:])
    for old in sorted(root.glob(NAME_PATTERN), reverse=True)[BACKUPS_KEPT_COUNT:]:
        if (old / MANIFEST).is_file():
            shutil.rmtree(old)
    return {"folder": str(target)}
