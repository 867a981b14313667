"""Why a runbook is not published: one class for each kind of mistake."""

from pilothouse.kernel.terms.errors import TermsInvalid


class RunbookMalformed(TermsInvalid):
    """A part is missing or not of its form."""

    code = "runbook_malformed"
    message = "This runbook cannot be read: {reason}"


class UnknownCheck(TermsInvalid):
    """A line, criterion or metric names a function that the program does not register."""

    code = "runbook_unknown_check"
    message = "{where} names the check {name!r}, which the program {program} does not have."


class MissingCheck(TermsInvalid):
    """A machine line, criterion or failure condition says nothing that a machine could look at."""

    code = "runbook_missing_check"
    message = "{where} is a machine's and names no check."


class RunbookCycle(TermsInvalid):
    """Lines wait for one another in a circle."""

    code = "runbook_cycle"
    message = "These lines wait for one another: {lines}."


class MissingFailAt(TermsInvalid):
    """A criterion does not say when it fails."""

    code = "runbook_missing_fail_at"
    message = "The criterion {criterion} has no fail_at: give a comparison, or none."


class ForbiddenPromise(TermsInvalid):
    """A text promises what the system does not guarantee."""

    code = "forbidden_promise"
    message = "{where} promises what we do not guarantee: {sentence!r}"


class ForbiddenQuestion(TermsInvalid):
    """A question that a review never asks."""

    code = "forbidden_question"
    message = "{where} asks what is never asked: {sentence!r}"


class UnknownSlot(TermsInvalid):
    """A text has a slot that nothing fills."""

    code = "unknown_slot"
    message = "{where} has the slot {slot}, which nothing fills."


class BrokenText(TermsInvalid):
    """A text was decoded wrongly, or names an upstream to a customer."""

    code = "broken_text"
    message = "{where} cannot be sent: {reason}"
