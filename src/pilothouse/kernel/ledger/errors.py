"""Errors of the ledger room."""

from pilothouse.kernel.base.errors import InvalidInput, PilothouseError


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


class UnsignedGrantsFull(PilothouseError):
    """What is granted in nobody's name is bounded, over all accounts."""

    code = "unsigned_grants_full"
    status = 409
    message = (
        "Without an operator's name no more than {most} credits are granted within {hours} hours, over all accounts."
    )


class AlreadyReversed(PilothouseError):
    """A journal can be reversed once."""

    code = "already_reversed"
    status = 409
    message = "The journal {journal} was reversed before. Nothing was moved."


class CutUnknown(InvalidInput):
    """The cut was not given by an earlier statement, or was changed on the way."""

    code = "unknown_cut"
    message = "The cut is not one that an earlier statement gave. Send it back whole, as it came."


class HeadsUnreadable(PilothouseError):
    """The file of exported chain heads cannot be used to verify."""

    code = "heads_unreadable"
    status = 409
    message = "The exported heads {path} {why}."


class NotReversible(PilothouseError):
    """Only a grant can be turned round: a piece of work ends its own money, and a reversal stands."""

    code = "not_reversible"
    status = 409
    message = "The journal {journal} is a {kind} for {ref_id}; only a grant can be reversed. Nothing was moved."


class AlreadyEnded(PilothouseError):
    """An item is reserved once and ends once."""

    code = "already_ended"
    status = 409
    message = "An item of this {kind} was reserved or ended before. Nothing was moved."


class SecondOperatorNeeded(PilothouseError):
    """Who asks for credits does not approve them."""

    code = "second_operator_needed"
    status = 403
    message = "{asked_by} asked for this, so another operator has to approve it. Nothing was moved."


class PeriodInvalid(InvalidInput):
    """A period that is not said by a month, a day or an instant."""

    code = "period_invalid"


class ExportBlocked(PilothouseError):
    """A line of an export would have told a customer what no customer may read; an incident is open."""

    code = "export_blocked"
    status = 500
    message = "The export was stopped before it told what it must not. We have been told and look into it."
