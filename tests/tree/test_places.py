"""The tree where it is harder: without an init, as PID 1, as an ordinary user; and its bounded logs."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tree_harness import HOUSE, House, leftovers, until

from pilothouse.kernel.base.postgres_install import wheel_binaries
from pilothouse.site.tree import limits
from pilothouse.site.tree.output import LogFile

pytestmark = pytest.mark.faults
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
NOBODY = "nobody"


def _can_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not _can_unshare(), reason="needs to make a PID namespace")


@needs_namespaces
def test_everything_killed_under_a_pid_1_that_never_reaps_starts_again(tree: House) -> None:
    script = str(Path(__file__).with_name("noinit.py"))
    command = [*UNSHARE, sys.executable, script, HOUSE, str(tree.data), str(tree.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert leftovers(tree.data) == []


@needs_namespaces
def test_as_pid_1_the_tree_reaps_orphans_and_ends_on_sigterm(tree: House) -> None:
    tree.wrapper = UNSHARE
    tree.up("--worker=--orphans 5")
    assert tree.process is not None
    supervisor = psutil.Process(tree.process.pid).children()[0]
    time.sleep(0.6)

    def zombies() -> list[psutil.Process]:
        return [child for child in supervisor.children() if child.status() == psutil.STATUS_ZOMBIE]

    assert until(lambda: not zombies(), 5), zombies()
    assert len(supervisor.children()) == 4, "guard, postgres, web and worker are still there"
    supervisor.send_signal(signal.SIGTERM)
    assert tree.end()[0] == 0
    assert tree.is_empty()


def _python_for(user: str) -> str | None:
    """An interpreter of our version that this user can execute; a virtual environment below /root is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            if subprocess.run([candidate, "-c", ""], user=user, extra_groups=[], cwd="/", check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    return None


@pytest.fixture
def ordinary(tree: House) -> House:
    """A house of an ordinary user."""
    if os.geteuid() != 0:
        return tree
    python = _python_for(NOBODY)
    if python is None:
        pytest.skip(f"no interpreter that {NOBODY} can execute")
    tree.python, tree.user = python, NOBODY
    source = Path(__file__).parents[2] / "src"
    tree.env["PYTHONPATH"] = f"{source}:{wheel_binaries().parents[2]}"
    tree.data.parent.chmod(0o700)
    shutil.chown(tree.data.parent, NOBODY)
    return tree


def test_an_ordinary_user_runs_it_in_closed_folders(ordinary: House) -> None:
    ordinary.up()
    assert stat.S_IMODE(ordinary.data.stat().st_mode) == 0o700
    assert psutil.Process(ordinary.pids["postgres"]).uids().real == ordinary.data.stat().st_uid
    ordinary.send(signal.SIGINT)
    code, errors = ordinary.end()
    assert code == 0, errors
    assert ordinary.is_empty()


def test_kill_of_an_ordinary_users_supervisor_leaves_nothing(ordinary: House) -> None:
    ordinary.up()
    ordinary.send(signal.SIGKILL)
    assert until(ordinary.is_empty, 10), leftovers(ordinary.data)
    ordinary.starts_clean()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two users")
def test_another_users_folder_is_refused_in_one_sentence(ordinary: House) -> None:
    ordinary.starts_clean()
    ordinary.user = "daemon"
    code, errors = ordinary.start("--code", "0").end()
    assert code == 1
    assert errors.strip().endswith("cannot be used: Permission denied.")
    ordinary.data.parent.chmod(0o711)
    ordinary.data.chmod(0o777)
    for name in ("up.lock", "guard.lock"):
        (ordinary.data / name).unlink()
    code, errors = ordinary.start("--code", "0").end()
    assert code == 1
    assert "belongs to another user; start as that user or as root." in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as two users")
def test_root_goes_on_with_an_ordinary_users_folder_as_that_user(ordinary: House) -> None:
    ordinary.starts_clean()
    owner = (ordinary.data / "pg18").stat().st_uid
    ordinary.python, ordinary.user = sys.executable, None
    ordinary.starts_clean()
    assert (ordinary.data / "pg18").stat().st_uid == owner


def test_log_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOG_FILE_BYTES", 1000)
    log = LogFile(tmp_path / "logs" / "web.log")
    for number in range(1000):
        log.write(b"line %04d\n" % number)
    log.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == limits.LOG_FILES_COUNT
    assert all(file.stat().st_size <= 1000 for file in files)
    newest_first = [tmp_path / "logs" / f"web.log{suffix}" for suffix in ("", ".1", ".2", ".3")]
    text = b"".join(file.read_bytes() for file in reversed(newest_first))
    assert text.endswith(b"line 0999\n")
    numbers = [int(line.split()[1]) for line in text.splitlines()]
    assert numbers == list(range(numbers[0], 1000)), "nothing is lost in between"
