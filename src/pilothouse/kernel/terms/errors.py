"""Errors of the terms room."""

from pilothouse.kernel.base.errors import PilothouseError


class NoTerms(PilothouseError):
    """No published version of these terms exists."""

    code = "no_terms"
    status = 409
    message = "There is no published version of {kind}/{name}."


class TermsInvalid(PilothouseError):
    """The body of a new version does not pass its kind's checks."""

    code = "terms_invalid"
    status = 422
    message = "These terms cannot be used: {reason}"
