"""Errors of the lifecycle room. Machines read the table's names in the details, people an act and a state in words."""

from typing import Any

from pilothouse.kernel.base.errors import PilothouseError


class TransitionRefused(PilothouseError):
    """The event is not in the table for the state that the subject is in, or the role may not do it."""

    code = "transition_refused"
    status = 409
    message = "You cannot {act}: its state is “{label}”."

    def __init__(self, *, event: str, kind: str, state: str, act: Any, label: Any) -> None:
        super().__init__(act=act, label=label)
        self.details = {"event": event, "kind": kind, "state": state}


class ReasonRefused(PilothouseError):
    """The reason code is not in the closed list of this transition."""

    code = "reason_refused"
    status = 422
    message = "{reason!r} is not a reason to {act}. Choose one of: {allowed}."

    def __init__(self, *, reason: str, event: str, allowed: str, act: Any) -> None:
        super().__init__(reason=reason, allowed=allowed, act=act)
        self.details = {"reason": reason, "event": event, "allowed": allowed}
