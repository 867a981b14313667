"""What a backup and a restore refuse, before anything is written. tests/examples restores a house that worked."""

import json

import pytest
from django.test import override_settings

from pilothouse.kernel.files.storage import LocalStore
from pilothouse.site import backup

pytestmark = pytest.mark.house


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A local storage of the test's own, with one file."""
    root = tmp_path / "files"
    (root / "a").mkdir(parents=True)
    (root / "a" / "one.mp4").write_bytes(b"video")
    monkeypatch.setattr(backup, "store", lambda: LocalStore(root))
    return root


@pytest.fixture
def written(house, files, tmp_path):
    folder = tmp_path / "kept" / "monday"
    backup.backup(folder)
    return folder


def test_a_backup_is_whole_and_names_its_parts(written):
    manifest = json.loads((written / "backup.json").read_text())
    assert (
        set(manifest["parts"])
        == {"database.dump", "files.tar"}
        == {p.name for p in written.iterdir()} - {"backup.json"}
    )
    assert manifest["made_at"].endswith("Z")
    assert written.stat().st_mode & 0o077 == 0
    assert list(written.parent.iterdir()) == [written]


def test_a_backup_is_never_written_over_something(written):
    with pytest.raises(backup.BackupFolderTaken):
        backup.backup(written)


def test_a_failing_dump_leaves_no_folder_that_looks_whole(house, files, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "_as_backup", lambda: {**backup._as_owner(), "PGDATABASE": "nothing_here"})
    with pytest.raises(backup.BackupFailed, match="nothing_here"):
        backup.backup(tmp_path / "tuesday")
    assert not (tmp_path / "tuesday").exists()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "database.dump").write_bytes(b"short"), "database.dump is missing or not"),
        (lambda folder: (folder / "files.tar").unlink(), "files.tar is missing or not"),
        (lambda folder: (folder / "backup.json").write_text("{"), "backup.json"),
        (lambda folder: (folder / "backup.json").write_text('{"format": 9, "parts": {}}'), "its format is 9"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(written, harm, words):
    harm(written)
    with pytest.raises(backup.BackupUnreadable, match=words):
        backup.restore(written)


def test_nothing_is_restored_over_what_is_there_or_with_another_key(written, files):
    with pytest.raises(backup.RestoreRefused, match="There are files"):
        backup.restore(written)
    (files / "a" / "one.mp4").unlink()
    (files / "a").rmdir()
    with pytest.raises(backup.RestoreRefused, match="a house in this database"):
        backup.restore(written)
    with (
        override_settings(SECRET_KEY="another-key-that-is-long-enough-for-this"),
        pytest.raises(backup.RestoreRefused, match="SECRET_KEY"),
    ):
        backup.restore(written)


@pytest.mark.tamper
def test_what_was_changed_by_hand_is_told_by_the_backup(house, files, tmp_path):
    assert backup.backup(tmp_path / "before")["changed_walls"] == []
    with house.admin() as admin:
        admin.execute("ALTER TABLE enterprise_api_keys DROP CONSTRAINT api_key_named")
    (changed,) = backup.backup(tmp_path / "after")["changed_walls"]
    assert changed[1:] == ["enterprise_api_keys", "api_key_named"]
