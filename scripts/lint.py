"""The house's own rules that no ready-made linter knows; `make lint` runs them over the checkout.

Each rule is a function from one file to its findings, and has a good and a bad example in tests/repo/test_lint.py. A
line that breaks a rule for a reason says so where it does: `lint: allow RULE, because …` in a comment on that line or
the line above; SQL that must read the machine's clock says `machine time: why` anywhere in its file.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FILE_MAX_LINES = 400
# It is copied alone into every export and checks it there, so it cannot be parted.
LONGER_FILES = {"src/pilothouse/pilots/verify.py": 760}
FUNCTION_MAX_LINES = 70
TEXT_SUFFIXES = {"", ".py", ".sql", ".html", ".txt", ".md", ".js", ".mjs", ".css", ".toml", ".yaml", ".yml", ".sh"}
CLOCK_HOME = "src/pilothouse/kernel/base/machine.py"
STATE_HOME = "src/pilothouse/kernel/lifecycle/commands.py"
SKIPPED = ("requirements/", "package-lock.json")
Finding = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """One file of the checkout: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text)

    @property
    def is_source(self) -> bool:
        """Whether the file is Python of the product, migrations aside."""
        return self.path.startswith("src/") and self.path.endswith(".py") and "/migrations/" not in self.path

    @property
    def is_test(self) -> bool:
        """Whether the file is Python of the tests."""
        return self.path.startswith("tests/") and self.path.endswith(".py")


def wall_clock(source: Source) -> Iterator[Finding]:
    """Only base/machine reads the host's wall clock; the database's clock decides promises."""
    if not source.is_source or source.path == CLOCK_HOME:
        return
    readers = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "timezone.now", "time.time"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in readers:
            yield node.lineno, f"{ast.unparse(node)} reads the wall clock: use pilothouse.kernel.base.clock"
        if isinstance(node, ast.ImportFrom) and node.module == "time" and any(a.name == "time" for a in node.names):
            yield node.lineno, "time.time reads the wall clock: use pilothouse.kernel.base.clock"


def sql_clock(source: Source) -> Iterator[Finding]:
    """SQL decides by base.clock_now(), leases by base.machine_now(), and stamps recorded_at by clock_timestamp()."""
    if not re.search(r"/sql/.*\.sql$", source.path):
        return
    machine = "recorded_at" in source.text or "machine time:" in source.text
    for number, line in _statements(source):
        if re.search(r"(?<![.\w])now\(\)|\bcurrent_timestamp\b|\blocaltimestamp\b|\btimeofday\(", line, re.IGNORECASE):
            yield number, "now() is the transaction's start: use (SELECT base.clock_now()) or statement_timestamp()"
        if "clock_timestamp()" in line and not machine:
            yield number, "clock_timestamp() is for recorded_at alone; a file that needs it says `machine time: why`"
        compared = r"(<|>|\bBETWEEN)=?\s*clock_timestamp\(\)|clock_timestamp\(\)\s*(<|>|BETWEEN)"
        if re.search(compared, line) and "machine time:" not in source.text:
            yield number, "a comparison with clock_timestamp() cannot use an index: use statement_timestamp()"


def state_writes(source: Source) -> Iterator[Finding]:
    """A state changes by a guarded UPDATE in sql/, or through kernel.lifecycle.commands; nowhere else."""
    if not source.is_source or source.path == STATE_HOME:
        return
    docs = _docstrings(source.tree)
    for node in ast.walk(source.tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == "state":
                yield target.lineno, ".state is assigned: change it by a guarded statement"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            names = [keyword.arg for keyword in node.keywords]
            if "state" in names:
                yield node.lineno, "update(state=…) has no guard: change it by a guarded statement"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            written = re.search(r"\bSET\s+state\s*=", node.value, re.IGNORECASE)
            if written:
                yield node.lineno, "SET state = stands in Python: put the statement in a sql/ file"


def state_guards(source: Source) -> Iterator[Finding]:
    """An UPDATE that sets a state names the state it comes from, or the token of the claim that it ends."""
    if not re.search(r"^src/.*/sql/(?!schema/).*\.sql$", source.path) or "/bench/" in source.path:
        return
    text = re.sub(r"--[^\n]*", "", source.text)
    for found in re.finditer(
        r"\bUPDATE\b[^;]*?\bSET\b(?:(?!\bWHERE\b|\bFROM\b)[^;])*?(?<![\w.])state\s*=", text, re.IGNORECASE | re.DOTALL
    ):
        rest = text[: found.start()] + text[found.end() :]
        if not re.search(r"\bWHERE\b.*\b(state|token)\b", rest, re.IGNORECASE | re.DOTALL):
            yield text[: found.start()].count("\n") + 1, "SET state without a WHERE on the old state"


def lost_isolation(source: Source) -> Iterator[Finding]:
    """Tests get a fresh clone by the `house` fixture; nothing is truncated between them."""
    if not source.is_test:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in ("TransactionTestCase", "LiveServerTestCase", "StaticLiveServerTestCase"):
                yield node.lineno, f"{name} truncates tables: ask for the house fixture"
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.args[0]).strip("'\"") == "flush":
            yield node.lineno, "flush empties the database: ask for the house fixture"


def owner_in_tests(source: Source) -> Iterator[Finding]:
    """Only a test marked `tamper` acts as owner or superuser, itself or through what it calls."""
    if not source.is_test or source.path.endswith("conftest.py"):
        return
    tree = source.tree
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tainted = {function.name for function in functions if _acts_as_owner(function)}
    grown = True
    while grown:
        more = {function.name for function in functions if _uses(function, tainted)} - tainted
        grown, tainted = bool(more), tainted | more
    whole = any(_marks(node.value) for node in tree.body if isinstance(node, ast.Assign) and _is_pytestmark(node))
    marked_classes = {
        id(member)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(_marks(each) for each in node.decorator_list)
        for member in node.body
    }
    for function in functions:
        marked = whole or id(function) in marked_classes or any(_marks(each) for each in function.decorator_list)
        if function.name.startswith("test_") and function.name in tainted and not marked:
            yield function.lineno, f"{function.name} acts as owner or superuser without pytest.mark.tamper"


def size(source: Source) -> Iterator[Finding]:
    """A file is at most 400 lines and a function at most 70, or it hides a second noun."""
    if not source.path.startswith(("src/", "scripts/")) or "/static/" in source.path or "/migrations/" in source.path:
        return
    most = LONGER_FILES.get(source.path, FILE_MAX_LINES)
    if source.path.endswith((".py", ".sql", ".html", ".sh")) and len(source.lines) > most:
        yield most + 1, f"the file has {len(source.lines)} lines, at most {most} are allowed"
    if source.path.endswith(".py"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_MAX_LINES:
                    yield node.lineno, f"{node.name} has {length} lines, at most {FUNCTION_MAX_LINES} are allowed"


def foreign_paths(source: Source) -> Iterator[Finding]:
    """Nothing names a folder that exists on one person's machine only."""
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"(?<![\w.:/*$}<>~-])/(home|root|work|Users|mnt)/[\w.]+", line)
        if found:
            yield number, f"{found[0]} is a path of one machine"


def broken_text(source: Source) -> Iterator[Finding]:
    """Text that was UTF-8 once and was decoded as something else."""
    if source.path.startswith("tests/"):
        return
    for number, line in enumerate(source.lines, 1):
        if re.search("\u00e2\u20ac|\u00c3|\u00f0\u0178|\ufffd", line):
            yield number, "broken UTF-8"


def unfinished(source: Source) -> Iterator[Finding]:
    """What is not done is not in the tree."""
    if not source.path.startswith("src/") or "/static/" in source.path:
        return
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b|coming" r" soon", line)
        if found:
            yield number, f"{found[0]}: finish it or take it out"


Rule = Callable[[Source], Iterator[Finding]]
RULES: dict[str, Rule] = {
    "wall-clock": wall_clock,
    "sql-clock": sql_clock,
    "state-write": state_writes,
    "state-guard": state_guards,
    "lost-isolation": lost_isolation,
    "tamper-mark": owner_in_tests,
    "size": size,
    "foreign-path": foreign_paths,
    "broken-text": broken_text,
    "unfinished": unfinished,
}


def check(source: Source) -> list[str]:
    """All findings in one file, as `path:line: rule: sentence`."""
    found = []
    for rule, judge in RULES.items():
        for line, sentence in judge(source):
            near = source.lines[max(0, line - 2) : line]
            if not any(f"lint: allow {rule}" in text for text in near):
                found.append(f"{source.path}:{line}: {rule}: {sentence}")
    return found


def sources(root: Path) -> Iterator[Source]:
    """Every text file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in sorted(filter(None, listed.split("\0"))):
        path = root / name
        if name.startswith(SKIPPED) or path.suffix not in TEXT_SUFFIXES or not path.is_file() or path.is_symlink():
            continue
        yield Source(name, path.read_text(encoding="utf-8", errors="replace"))


def main() -> int:
    """Print the findings of the whole checkout; 1 when there are any."""
    root = Path(__file__).resolve().parents[1]
    count = 0
    for source in sources(root):
        for line in check(source):
            print(line)
            count += 1
    print(f"House rules: {count} finding(s)." if count else "House rules: kept.", file=sys.stderr)
    return 1 if count else 0


def _statements(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        yield number, line.split("--")[0]


def _docstrings(tree: ast.Module) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    firsts = [node.body[0] for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {id(first.value) for first in firsts if isinstance(first, ast.Expr)}


def _acts_as_owner(function: ast.AST) -> bool:
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        arguments = (*node.args, *(keyword.value for keyword in node.keywords))
        given = {each.value for each in arguments if isinstance(each, ast.Constant)}
        if name in ("house.admin", "admin_connection"):
            return True
        if name.endswith(".connect") and {"postgres", "ph_owner"} & given:
            return True
    return False


def _uses(function: ast.FunctionDef | ast.AsyncFunctionDef, names: set[str]) -> bool:
    if names & {argument.arg for argument in function.args.args}:
        return True
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in names for called in calls)


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _marks(node: ast.expr) -> bool:
    return "mark.tamper" in ast.unparse(node)


if __name__ == "__main__":
    sys.exit(main())
