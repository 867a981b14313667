"""A backup as one folder: the database's dump, the files of a local storage, and `backup.json` that names both.

The dump is one snapshot, taken by `ph_backup` while the house works; the files are read after it, so that every file
which it names is there. Files in a bucket are the bucket's own to keep. SECRET_KEY is never in a backup: only a mark
of it is, by which a restore knows whether it has the right one.
"""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections, transaction
from psycopg import sql

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.postgres_install import wheel_binaries
from pilothouse.kernel.base.roles import password_of
from pilothouse.kernel.base.walls import Key, recorded_walls, standing_walls
from pilothouse.kernel.files.storage import LocalStore, store

from .migrate import OWNER, admin_connection, create_database, embedded, migrate, schema_hash

FORMAT = 1
MANIFEST, DUMP, FILES = "backup.json", "database.dump", "files.tar"
READ_BYTES = 1024 * 1024
# A dump's connection options, as the tools of PostgreSQL read them from the environment.
VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}


class BackupFailed(PilothouseError):
    """A tool of PostgreSQL did not do its part."""

    code = "backup_failed"
    status = 500
    message = "{tool} failed: {output}"


class BackupFolderTaken(PilothouseError):
    """A backup is never written over something."""

    code = "backup_folder_taken"
    status = 409
    message = "The folder {folder} is there already. Name a new one."


class BackupUnreadable(PilothouseError):
    """It is not a backup, or not whole."""

    code = "backup_unreadable"
    status = 422
    message = "The backup in {folder} cannot be used: {reason}. Nothing was restored."


class RestoreRefused(PilothouseError):
    """What is there would be overwritten, or could not be read afterwards."""

    code = "restore_refused"
    status = 409
    message = "{reason} Nothing was restored."


def backup(folder: Path) -> dict[str, Any]:
    """Write a backup into the new `folder` and return its manifest; the folder appears when it is whole."""
    if folder.exists():
        raise BackupFolderTaken(folder=str(folder))
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    # Without the right to pass row-level security, the role's own policy still shows it every row.
    more = [] if _passes_row_security() else ["--enable-row-security"]
    rows = _dump(part / DUMP, *more)
    files = store()
    if isinstance(files, LocalStore):
        _pack(files.root, part / FILES)
    manifest = {
        "format": FORMAT,
        "made_at": clock.iso(clock.now()),
        "schema_hash": schema_hash(),
        "rows": rows,
        "secret_key": _mark(),
        "changed_walls": [list(key) for key in _changed_walls()],
        "parts": {path.name: _sha256(path) for path in sorted(part.iterdir())},
    }
    (part / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    part.rename(folder)
    return manifest


def _dump(target: Path, *options: str) -> dict[str, int]:
    """Dump the database, and count the rows of each table in the same snapshot."""
    variables = _as_backup()
    try:
        with psycopg.connect(conninfo=psycopg.conninfo.make_conninfo(**_options(variables))) as here:
            here.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            (snapshot,) = here.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            _tool("pg_dump", variables, "--format=custom", f"--snapshot={snapshot}", *options, f"--file={target}")
            return count_rows(here)
    except psycopg.Error as error:
        raise BackupFailed(tool="pg_dump", output=str(error).strip()) from None


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """How many rows each table has, by its name."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition ORDER BY 1"
    ).fetchall()
    counted = {}
    for (name,) in tables:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
        counted[name] = int(row[0]) if row else 0
    return counted


def restore(folder: Path) -> dict[str, Any]:
    """Bring an empty database, and an empty local storage, to what a backup holds; returns its manifest.

    In order: the backup is whole, the secret key is its own, nothing is there that would be overwritten; then roles,
    database, files, and this version's shape.
    """
    manifest = readable_manifest(folder)
    files = store()
    if isinstance(files, LocalStore) and files.root.is_dir() and any(files.root.iterdir()):
        raise RestoreRefused(reason=f"There are files in {files.root}.")
    create_database()
    with admin_connection() as connection:
        if connection.execute("SELECT to_regclass('public.house') IS NOT NULL").fetchone() == (True,):
            raise RestoreRefused(reason="There is a house in this database.")
    load(folder)
    if FILES in manifest["parts"]:
        if not isinstance(files, LocalStore):
            raise RestoreRefused(reason="The backup has files of a folder, and STORAGE_URL names a bucket.")
        files.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tarfile.open(folder / FILES) as tar:
            _unpack(tar, files.root)
    shape(manifest)
    return manifest


def readable_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a backup that is whole and ours. Raises BackupUnreadable and RestoreRefused."""
    manifest = _manifest(folder)
    if manifest["secret_key"] != _mark():
        raise RestoreRefused(
            reason="SECRET_KEY is not the one of this backup: what it sealed could never be opened again. Set it first."
        )
    return manifest


def shape(manifest: dict[str, Any]) -> None:
    """Bring the configured database, just loaded from a backup, to this version's shape."""
    _record_walls({tuple(key) for key in manifest["changed_walls"]})
    migrate()


def load(folder: Path) -> None:
    """Load a backup's dump into the configured database, which is empty: the schemas first, and then all in them.

    An administrator who is no superuser can give a function to a role only where that role may create in the schema,
    and the dump grants that last.
    """
    variables, dump = _as_owner(), folder / DUMP
    entries = _tool("pg_restore", variables, "--list", str(dump)).splitlines(keepends=True)
    schemas = [line for line in entries if re.match(r"\d+; \d+ \d+ SCHEMA - ", line)]

    def bring(chosen: list[str]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".list") as names:
            names.writelines(chosen)
            names.flush()
            to = ("--dbname", variables["PGDATABASE"])
            _tool("pg_restore", variables, "--exit-on-error", "--use-list", names.name, *to, str(dump))

    bring(schemas)
    with _as_schema_owner() as cursor:
        cursor.execute("GRANT USAGE, CREATE ON SCHEMA public, base TO ph_ledger, ph_gate")
    bring([line for line in entries if line not in schemas])


def _unpack(tar: tarfile.TarFile, root: Path) -> None:
    """Unpack folders and plain files below `root`; anything else raises RestoreRefused and nothing is written."""
    # The filter of tarfile's own extraction came with Python 3.11.4, and Debian's is older.
    members = tar.getmembers()
    for member in members:
        inside = (root / member.name).resolve().is_relative_to(root.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise RestoreRefused(reason=f"The backup's files hold {member.name!r}, which is no plain file of it.")
    for member in members:
        target = root / member.name
        source = tar.extractfile(member)
        if source is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)


def _changed_walls() -> list[Key]:
    """The walls that were changed by hand since the last `migrate`."""
    with _as_schema_owner() as cursor:
        recorded, now = recorded_walls(cursor), standing_walls(cursor)
    return sorted(key for key in recorded.keys() | now.keys() if recorded.get(key) != now.get(key))


def _record_walls(changed: set[Key]) -> None:
    """Record the restored walls in the words that this server has for them: a dump may say the same in others.

    What had been changed by hand before the backup keeps its old record, so `check` still names it.
    """
    with _as_schema_owner() as cursor:
        for key, digest in standing_walls(cursor).items():
            if key not in changed:
                cursor.execute(
                    "UPDATE public.wall SET digest = %s WHERE (kind, place, name) = (%s, %s, %s)", [digest, *key]
                )


@contextmanager
def _as_schema_owner() -> Iterator[Any]:
    """One transaction as `migrate` has it."""
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SET LOCAL ROLE ph_owner")
        yield cursor


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        parts = dict(manifest["parts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupUnreadable(folder=str(folder), reason=f"{MANIFEST}: {error}") from None
    if manifest.get("format") != FORMAT:
        raise BackupUnreadable(folder=str(folder), reason=f"its format is {manifest.get('format')}, not {FORMAT}")
    for name, sha256 in parts.items():
        path = folder / Path(name).name
        if not path.is_file() or _sha256(path) != sha256:
            raise BackupUnreadable(folder=str(folder), reason=f"{name} is missing or not what was written")
    return manifest


def _as_backup() -> dict[str, str]:
    entry = settings.DATABASES[OWNER]
    password = "" if embedded() else password_of("ph_backup", settings.SECRET_KEY)
    return _variables(entry, user="ph_backup", password=password)


def _as_owner() -> dict[str, str]:
    entry = settings.DATABASES[OWNER]
    return _variables(entry, user=entry["USER"], password=entry["PASSWORD"])


def _variables(entry: Mapping[str, Any], *, user: str, password: str) -> dict[str, str]:
    given = {"host": entry["HOST"], "port": entry["PORT"], "user": user, "password": password, "dbname": entry["NAME"]}
    named = {VARIABLES[key]: str(value) for key, value in given.items() if value}
    # libpq has a variable for each option that an address may carry, such as sslmode.
    return {**named, **{f"PG{key.upper()}": str(value) for key, value in entry["OPTIONS"].items() if key != "pool"}}


def _options(variables: Mapping[str, str]) -> dict[str, str]:
    """The same options in psycopg's names."""
    names = {name: key for key, name in VARIABLES.items()}
    return {names.get(name, name.removeprefix("PG").lower()): value for name, value in variables.items()}


def _passes_row_security() -> bool:
    with admin_connection() as connection:
        row = connection.execute("SELECT rolbypassrls FROM pg_roles WHERE rolname = 'ph_backup'").fetchone()
    return row == (True,)


def _tool(name: str, variables: Mapping[str, str], *arguments: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    done = subprocess.run(
        [wheel_binaries() / name, *arguments], env={**kept, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BackupFailed(tool=name, output=done.stderr.strip()[:1000] or f"exit code {done.returncode}")
    return done.stdout


def _pack(root: Path, target: Path) -> None:
    """Videos do not get smaller, so they are only put together. What disappears meanwhile was deleted for good."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            if path.is_file():
                try:
                    tar.add(path, arcname=str(path.relative_to(root)), recursive=False)
                except FileNotFoundError:
                    continue


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _mark() -> str:
    return hmac.new(settings.SECRET_KEY.encode(), b"pilothouse backup", hashlib.sha256).hexdigest()[:16]
