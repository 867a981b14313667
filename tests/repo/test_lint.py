"""Each rule of the house has an example that keeps it and one that breaks it, and the checkout keeps all."""

from pathlib import Path

import pytest
from house_scripts import house_script

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


LINT = house_script("lint")
ROOM = "src/pilothouse/kernel/work"
LONG = "def run() -> None:\n" + "    step()\n" * 70

# rule, path, what keeps it, what breaks it
EXAMPLES = [
    ("wall-clock", f"{ROOM}/a.py", "at = clock.now()\n", "at = datetime.now(UTC)\n"),
    ("wall-clock", f"{ROOM}/a.py", "start = time.monotonic()\n", "start = time.time()\n"),
    ("wall-clock", f"{ROOM}/a.py", "from time import monotonic\n", "from time import time\n"),
    (
        "wall-clock",
        f"{ROOM}/a.py",
        "# lint: allow wall-clock, because a log file's name needs no promise\nat = datetime.now(UTC)\n",
        "at = django.utils.timezone.now()\n",
    ),
    ("sql-clock", f"{ROOM}/sql/a.sql", "SELECT (SELECT base.clock_now()) -- now() is wrong\n", "SELECT now()\n"),
    (
        "sql-clock",
        f"{ROOM}/sql/a.sql",
        "INSERT INTO journal (recorded_at) VALUES (clock_timestamp())\n",
        "SELECT clock_timestamp() AS at\n",
    ),
    (
        "sql-clock",
        f"{ROOM}/sql/a.sql",
        "SELECT 1 FROM job WHERE lease_until < statement_timestamp()\n",
        "SELECT recorded_at FROM job WHERE lease_until < clock_timestamp()\n",
    ),
    ("state-write", f"{ROOM}/a.py", "state = row['state']\n", "batch.state = 'completed'\n"),
    ("state-write", f"{ROOM}/a.py", "rows.update(name='x')\n", "Batch.objects.update(state='completed')\n"),
    ("state-write", f"{ROOM}/a.py", "SQL.execute('finish')\n", "run('UPDATE batch SET state = 1')\n"),
    (
        "state-guard",
        f"{ROOM}/sql/a.sql",
        "UPDATE job SET state = 'done' WHERE id = %(id)s AND state = 'running'\n",
        "UPDATE job SET state = 'done' WHERE id = %(id)s\n",
    ),
    ("lost-isolation", "tests/a/test_a.py", "class A(TestCase): ...\n", "class A(TransactionTestCase): ...\n"),
    ("lost-isolation", "tests/a/test_a.py", "file.flush()\n", "call_command('flush')\n"),
    (
        "tamper-mark",
        "tests/a/test_a.py",
        "@pytest.mark.tamper\ndef test_a(house):\n    house.admin()\n",
        "def test_a(house):\n    house.admin()\n",
    ),
    (
        "tamper-mark",
        "tests/a/test_a.py",
        "pytestmark = [pytest.mark.tamper]\ndef plant(db):\n    house.admin()\ndef test_a(db):\n    plant(db)\n",
        "def plant(house):\n    house.admin()\ndef test_a(house):\n    plant(house)\n",
    ),
    (
        "tamper-mark",
        "tests/a/test_a.py",
        "def test_a(house):\n    house.connect('ph_worker')\n",
        "def test_a(house):\n    house.connect(user='postgres')\n",
    ),
    ("size", f"{ROOM}/a.py", "x = 1\n" * 400, "x = 1\n" * 401),
    ("size", f"{ROOM}/a.py", LONG.replace("    step()\n", "", 1), LONG),
    ("foreign-path", "README.md", "see kernel/work/jobs.py\n", "see " + "/work" + "/main\n"),
    ("foreign-path", "Makefile", "cd $(HOME)/x\n", "cd " + "/home" + "/ada\n"),
    ("broken-text", f"{ROOM}/templates/a.html", "<p>9 → 1 — done</p>\n", "<p>9 \u00e2\u20ac\u201d 1</p>\n"),
    ("unfinished", f"{ROOM}/a.py", "# done\n", "# TO" + "DO: later\n"),
]


@pytest.mark.parametrize(("rule", "path", "kept", "broken"), EXAMPLES)
def test_a_rule_tells_its_good_example_from_its_bad_one(rule: str, path: str, kept: str, broken: str) -> None:
    assert [line for line in LINT.check(LINT.Source(path, kept)) if f": {rule}: " in line] == []
    assert [line for line in LINT.check(LINT.Source(path, broken)) if f": {rule}: " in line] != []


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, *_ in EXAMPLES} == set(LINT.RULES)


def test_the_checkout_keeps_the_rules_of_the_house() -> None:
    found = [line for source in LINT.sources(ROOT) for line in LINT.check(source)]
    assert found == []


def test_helpers_of_tests_have_names_of_their_own() -> None:
    """The folders of tests share one namespace: of two modules with one name, one folder would get the other's."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith(("test_", "conftest"))]
    assert sorted(names) == sorted(set(names))
