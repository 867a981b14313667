"""Errors of the lifecycle room."""

from pilothouse.kernel.base.errors import PilothouseError


class TransitionRefused(PilothouseError):
    """The event is not in the table for the state that the subject is in, or the role may not do it."""

    code = "transition_refused"
    status = 409
    message = "{event} is not possible: this {kind} is {state}."


class ReasonRefused(PilothouseError):
    """The reason code is not in the closed list of this transition."""

    code = "reason_refused"
    status = 422
    message = "{reason!r} is not a reason for {event}. Choose one of: {allowed}."
