"""Errors of the ledger room."""

from pilothouse.kernel.base.errors import PilothouseError


class InsufficientCredits(PilothouseError):
    """The wallet holds less than the command needs; nothing was reserved."""

    code = "insufficient_credits"
    status = 402
    message = "This needs {needed} credits and the wallet holds {available}. Nothing was reserved."


class KeyConflict(PilothouseError):
    """The idempotency key was used before with another request."""

    code = "idempotency_conflict"
    status = 422
    message = "The key {key!r} was used before for a different request. Nothing was done."


class GrantRefused(PilothouseError):
    """A grant that the rules do not allow."""

    code = "grant_refused"
    status = 422
    message = "{reason}"


class AlreadyReversed(PilothouseError):
    """A journal can be reversed once."""

    code = "already_reversed"
    status = 409
    message = "The journal {journal} was reversed before. Nothing was moved."
