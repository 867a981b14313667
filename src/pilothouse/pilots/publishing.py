"""Puts runbooks in force, and refuses one that could not be run: each mistake by its own code."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.db.models import Count

from pilothouse.kernel.access.roles import MEMBER_ROLES
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.terms.commands import body_hash, checked_by, draft, publish
from pilothouse.kernel.terms.errors import NoTerms
from pilothouse.kernel.terms.queries import Version, published, versions

from . import text_lint
from .lifecycle import REJECTIONS
from .message_models import AUDIENCES
from .pilot_models import Pilot
from .registry import line_check, measure_check, runbook_files
from .runbook import COMPARISON, KIND, KINDS, NEVER_FAILS, VISIBILITIES, Line, Runbook, read_file
from .runbook_errors import MissingCheck, MissingFailAt, RunbookCycle, RunbookMalformed, UnknownCheck
from .runbook_shape import check_shape

WHENS = ("", "active", "review", "succeeded")


def publish_first_runbooks() -> None:
    """Publish version 1 of every installed program's runbook that has none in force yet (worker scope)."""
    for _, path in runbook_files():
        body = read_file(path)
        try:
            published(KIND, body["id"])
        except NoTerms:
            publish_runbook(body, "First version")


def publish_runbook(body: Mapping[str, Any], note: str = "") -> Version:
    """Publish a body as its own version number, or return it where exactly this is in force.

    New pilots use it; running ones keep theirs. Raises RunbookMalformed for another number, and what `check` raises.
    """
    check(body)
    try:
        current = published(KIND, body["id"])
        if current.hash == body_hash(body):
            return current
    except NoTerms:
        pass
    known = versions(KIND, body["id"])
    following = known[0]["version"] + 1 if known else 1
    if following != body["version"]:
        raise RunbookMalformed(reason=f"the next version of {body['id']} is {following}, not {body['version']}.")
    return publish(KIND, body["id"], draft(KIND, body["id"], body, note).version)


def listed() -> list[Row]:
    """Every version of every runbook, the newest of each first: those columns of terms, and its pilots and file.

    `file` is empty for a version that no installed program carries any longer.
    """
    pinned = dict(Pilot.objects.values_list("runbook_hash").annotate(Count("id")))
    carried = {body_hash(read_file(path)): str(path) for _, path in runbook_files()}
    return [
        {**row, "pilots": pinned.get(row["hash"], 0), "file": carried.get(row["hash"], "")} for row in versions(KIND)
    ]


@checked_by(KIND)
def check(body: Mapping[str, Any]) -> None:
    """Raise the first mistake of a runbook, as a subclass of TermsInvalid."""
    try:
        check_shape(body)
        runbook = Runbook(body)
        _lines(runbook)
        _criteria(runbook)
        _failures(runbook)
        _metrics(runbook)
        _texts(runbook)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunbookMalformed(reason=f"{type(error).__name__}: {error}") from None


def _lines(runbook: Runbook) -> None:
    phases = {phase.id for phase in runbook.phases}
    for line in (*runbook.lines.values(), *runbook.daily.values()):
        where = f"Line {line.id}"
        if line.kind not in KINDS or line.visibility not in VISIBILITIES or (line.phase not in phases and not line.at):
            raise RunbookMalformed(reason=f"{where} has an unknown kind, visibility or phase.")
        if line.kind == "machine":
            _known_line(runbook, where, line.check)
        elif line.check:
            raise RunbookMalformed(reason=f"{where} is attested by people and names a check.")
        if line.kind == "customer" and not (line.roles and set(line.roles) <= set(MEMBER_ROLES)):
            raise RunbookMalformed(reason=f"{where} needs roles of the account.")
        if line.group in ("accept", "reject") and line.code not in REJECTIONS:
            raise RunbookMalformed(reason=f"{where} needs one of the codes {', '.join(REJECTIONS)}.")
    _acyclic(runbook.lines)


def _acyclic(lines: Mapping[str, Line]) -> None:
    unknown = sorted({need for line in lines.values() for need in line.needs} - set(lines))
    if unknown:
        raise RunbookMalformed(reason=f"there is no line {', '.join(unknown)} to wait for.")
    try:
        TopologicalSorter({line.id: line.needs for line in lines.values()}).prepare()
    except CycleError as found:
        raise RunbookCycle(lines=" → ".join(found.args[1])) from None


def _criteria(runbook: Runbook) -> None:
    program = runbook.body["program"]
    for given in runbook.body["criteria"]:
        if not given.get("fail_at"):
            raise MissingFailAt(criterion=given["id"])
    for criterion in runbook.criteria:
        where = f"Criterion {criterion.id}"
        fails = criterion.fail_at == NEVER_FAILS or COMPARISON.match(criterion.fail_at)
        if not fails or not COMPARISON.match(criterion.target):
            raise RunbookMalformed(reason=f"{where} needs comparisons such as '>= 0.9'.")
        _known_measure(program, where, criterion.measure)


def _failures(runbook: Runbook) -> None:
    known = {criterion.id for criterion in runbook.criteria}
    for failure in runbook.failures:
        where = f"Failure condition {failure.id}"
        if not failure.criterion and not failure.check:
            raise MissingCheck(where=where)
        if failure.check:
            _known_line(runbook, where, failure.check)
        if failure.criterion and failure.criterion not in known:
            raise RunbookMalformed(reason=f"{where} names a criterion that is not there.")
        if not failure.cleared_by:
            continue
        if failure.cleared_by not in runbook.lines:
            raise RunbookMalformed(reason=f"{where} names a line that is not there.")
        if runbook.lines[failure.cleared_by].kind != "customer":
            raise RunbookMalformed(reason=f"{where} is taken back by the customer alone.")


def _metrics(runbook: Runbook) -> None:
    for metric in runbook.metrics:
        if not metric.qualitative:
            _known_measure(runbook.body["program"], f"Metric {metric.id}", metric.measure)
        if metric.target and not COMPARISON.match(metric.target):
            raise RunbookMalformed(reason=f"Metric {metric.id} needs a target such as '< 24'.")


def _known_line(runbook: Runbook, where: str, name: str) -> None:
    program = runbook.body["program"]
    if not name:
        raise MissingCheck(where=where)
    if line_check(program, name) is None:
        raise UnknownCheck(where=where, name=name, program=program)


def _known_measure(program: str, where: str, name: str) -> None:
    if not name:
        raise MissingCheck(where=where)
    if measure_check(program, name) is None:
        raise UnknownCheck(where=where, name=name, program=program)


def _texts(runbook: Runbook) -> None:
    for where, words in _strings(runbook.body, "This runbook"):
        text_lint.check_letters(where, words)
    for text in runbook.texts.values():
        where, words = f"Text {text.id}", f"{text.subject}\n\n{text.body}"
        text_lint.check_slots(where, words, runbook.own_slots)
        if text.audience not in AUDIENCES or text.when not in WHENS:
            raise RunbookMalformed(reason=f"{where} has an unknown audience or time.")
        if text.audience == "customer":
            text_lint.check_customer_text(where, words)
    text_lint.check_customer_text("The boundary statement", runbook.body.get("boundary", ""))
    for line in runbook.lines.values():
        if line.visibility == "customer":
            text_lint.check_customer_text(f"Line {line.id}", line.text)
    for number, question in enumerate(runbook.body.get("questions", ()), 1):
        text_lint.check_question(f"Question {number}", question["text"])


def _strings(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _strings(each, f"{key} of {where}" if not isinstance(each, list) else key)
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _strings(each, f"{where} {number}")
