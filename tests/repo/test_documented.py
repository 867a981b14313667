"""What a user can meet by name is documented: commands, error codes, events, webhook events, tables for SQL, guides."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from house_scripts import house_script

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.table import REGISTRY
from pilothouse.programs.video.lifecycle import COMPLETED_EVENT, FAILURE_REASONS
from pilothouse.site import cli
from pilothouse.site.guides import DEAL_PLAYBOOKS, GUIDES, OPERATORS, PLAYBOOKS

ROOT = Path(__file__).resolve().parents[2]
# Who orders batches meets these; another program's errors stand in its own guide.
THEIRS = ("pilothouse.kernel.", "pilothouse.programs.video.")
# Raised only where an operator works: at a start, on the command line, at the desk, by an adapter.
OPERATORS_ONLY = (
    "pilothouse.kernel.base.postgres", "pilothouse.kernel.base.upgrade", "pilothouse.kernel.watch.",
    "pilothouse.kernel.ledger.", "pilothouse.kernel.payments.", "pilothouse.kernel.terms.",
    "pilothouse.programs.video.providers.", "pilothouse.programs.video.demo",
)  # fmt: skip
CUSTOMERS_TOO = {"insufficient_credits", "paused", "period_invalid", "text_needed"}
# Given by the API itself for what no class of ours stands for (site/api.py).
WITHOUT_A_CLASS = {"malformed_request", "method_not_allowed", "refused", "bad_host", "unavailable"}


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    module = house_script("reference")
    module.setup()
    return module


def guide(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", guide(name), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.unit
def test_the_reference_is_current() -> None:
    """Every command, error code and event of a timeline stands in it, whatever this process has imported."""
    done = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.unit
def test_every_group_of_commands_is_in_the_reference(reference) -> None:
    """A file of commands that nobody imports would be missing from the page and from `pilothouse` alike."""
    told = re.findall(r"^\| `([a-z-]+)", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    (folder,) = cli.__path__
    files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__", "__main__", "acting", "refusals", "tables"}
    assert set(cli.GROUPS) == files
    assert {name.split(" ")[0] for name, _about in reference.commands()} <= set(told)


@pytest.mark.unit
def test_every_command_and_error_says_what_it_is(reference) -> None:
    assert [name for name, about in reference.commands() if len(about) < 10] == []
    assert [error.code for error in reference.errors() if len(error.__doc__ or "") < 10] == []


@pytest.mark.unit
def test_customers_find_every_code_that_they_can_meet(reference) -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", section("enterprise", "Errors"), re.MULTILINE))
    known = {error.code: str(error.status) for error in reference.errors()}
    assert {code: status for code, status in told.items() if known.get(code, status) != status} == {}
    assert set(told) - set(known) == WITHOUT_A_CLASS - set(known)
    theirs = {
        error.code
        for error in reference.errors()
        if error.code in CUSTOMERS_TOO
        or (error.__module__.startswith(THEIRS) and not error.__module__.startswith(OPERATORS_ONLY))
    }
    assert sorted(theirs - set(told)) == [], "add them to the table of errors in docs/enterprise.md"


@pytest.mark.unit
def test_customers_find_every_event_and_reason() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (`.*) \|$", section("enterprise", "Events"), re.MULTILINE))
    for about in ("batch", "item", "endpoint", "delivery"):
        events = {transition.event for transition in REGISTRY[about].transitions}
        assert events - set(re.findall(r"`(\w+)`", rows[about])) == set(), about
    reasons = re.findall(r"^\| `(\w+)` \|", section("enterprise", "Failure reasons"), re.MULTILINE)
    assert sorted(reasons) == sorted((*FAILURE_REASONS, "failure_reason"))
    statuses = set(re.findall(r"`(\w+)`", section("enterprise", "Statuses")))
    assert {*REGISTRY["item"].states, *REGISTRY["batch"].states} - statuses == set()
    deliveries = section("webhooks", "Delivery")
    assert [state for state in REGISTRY["delivery"].states if f"`{state}`" not in deliveries] == []


@pytest.mark.unit
def test_every_webhook_event_is_documented() -> None:
    sent = {event for path in (ROOT / "src" / "pilothouse").rglob("*.py") for event in sent_by(path)}
    assert {COMPLETED_EVENT, "test"} <= sent
    assert [event for event in sent if f"`{event}`" not in guide("webhooks")] == []


def sent_by(path: Path) -> Iterator[str]:
    """The type of each message that a module makes, its bench and its rehearsals of load aside."""
    text = path.read_text(encoding="utf-8")
    if "NewMessage(" not in text or "bench" in str(path.relative_to(ROOT)):
        return
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NewMessage":
            named = [keyword.value for keyword in node.keywords if keyword.arg == "type"]
            (written,) = named or [node.args[1]]
            if isinstance(written, ast.Name):
                yield getattr(importlib.import_module(name), written.id)
            else:
                yield ast.literal_eval(written)


@pytest.mark.house
def test_every_table_for_sql_is_documented(house) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("operations", "Tables for SQL"), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", columns)) for name, columns in rows}
    with worker_scope("test"):
        views = [
            row["name"]
            for row in run("SELECT table_name AS name FROM information_schema.views WHERE table_schema = 'public'")
        ]
        for name in {*views, "enterprise_api_keys"}:
            columns = run(
                "SELECT attname FROM pg_attribute WHERE attrelid = %(t)s::regclass AND attnum > 0 AND NOT attisdropped",
                {"t": name},
            )
            assert told.get(name) == {row["attname"] for row in columns}, name
    assert set(told) == {*views, "enterprise_api_keys"}


@pytest.mark.unit
def test_every_guide_is_a_file_and_every_file_is_listed() -> None:
    for one in (*GUIDES, *PLAYBOOKS, *DEAL_PLAYBOOKS, *OPERATORS):
        assert guide(one.slug).startswith("# "), one.slug
    assert {path.stem for path in (ROOT / "docs" / "playbooks").glob("*.md")} == {
        one.slug.rpartition("/")[2] for one in (*PLAYBOOKS, *DEAL_PLAYBOOKS)
    }


@pytest.mark.unit
def test_every_command_that_the_guides_show_exists(reference) -> None:
    known = {name for name, _about in reference.commands()}
    groups = {name.split(" ")[0] for name in known if " " in name}
    for name in ("operations", "enterprise"):
        for words in re.findall(r"(?:^|[`/ ])pilothouse ((?:[a-z-]+ ?)+)", guide(name), re.MULTILINE):
            first, *rest = words.split()
            wanted = f"{first} {rest[0]}" if first in groups and rest else first
            assert wanted in known or first in known, words
