"""What docs/operations.md tells an operator to do with a house that worked: back it up, and restore it elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from live_tree import cli, data_folder

pytestmark = pytest.mark.http


def test_a_backup_of_a_working_house_is_restored_elsewhere(customer, tmp_path) -> None:
    source, kept = customer.tree.data, tmp_path / "kept"
    made = cli(source, "backup", str(kept), "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    statement = cli(source, "ledger", "export", customer.tenant)
    secret = (source / "secret-key").read_text()
    with data_folder() as elsewhere:
        refused = cli(elsewhere, "restore", str(kept), "--json", SECRET_KEY="x" * 40)
        assert json.loads(refused.stdout)["error"]["code"] == "restore_refused"
        done = cli(elsewhere, "restore", str(kept), "--json", SECRET_KEY=secret)
        assert done.returncode == 0, done.stdout + done.stderr
        # A production house whose mail reaches nobody is refused by `check`.
        named = {"SEAL_HEAD_FOLDER": str(source / "seals"), "EMAIL_URL": "smtp://mail.example"}
        checked = cli(elsewhere, "check", "--json", SECRET_KEY=secret, **named)
        assert checked.returncode == 0, broken(json.loads(checked.stdout)) or checked.stdout + checked.stderr
        assert cli(elsewhere, "ledger", "export", customer.tenant, SECRET_KEY=secret).stdout == statement.stdout
        assert statement.stdout.count("\n") > 1
        again = cli(elsewhere, "restore", str(kept), SECRET_KEY=secret)
        assert (again.returncode, "Nothing was restored." in again.stderr) == (1, True)
        assert files(elsewhere) == files(source)


def files(data: Path) -> set[str]:
    root = data / "files"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def broken(value: Any) -> list[Any]:
    """Everything in an answer of `check` that is not ok."""
    if isinstance(value, dict):
        own = [value] if value.get("ok") is False and "name" in value else []
        return own + [found for inner in value.values() for found in broken(inner)]
    return [found for inner in value for found in broken(inner)] if isinstance(value, list) else []
