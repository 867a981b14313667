"""Errors of the watch room."""

from pilothouse.kernel.base.errors import PilothouseError


class Paused(PilothouseError):
    """A gate over the program is closed; nothing was created and nothing was reserved."""

    code = "paused"
    status = 409
    message = "This is paused ({gate}): {reason} Nothing was reserved."


class ResumeRefused(PilothouseError):
    """A gate stays closed because an incident that holds it is not understood or its check is not green."""

    code = "resume_refused"
    status = 409
    message = "The gate stays closed: {missing}."


class ResolveRefused(PilothouseError):
    """An incident cannot end yet; the sentence names what is missing."""

    code = "resolve_refused"
    status = 409
    message = "The incident stays open: {missing}."


class SecondPersonNeeded(PilothouseError):
    """A P0 is resolved, and its findings are accepted, by somebody other than the person who wrote its root cause."""

    code = "second_person_needed"
    status = 403
    message = "This needs a second person: {author} wrote the root cause, so somebody else has to do it."


class TextNeeded(PilothouseError):
    """A step of an incident needs words."""

    code = "text_needed"
    status = 422
    message = "Write the {field}: between 1 and {maximum} characters."


class ParityNotKept(PilothouseError):
    """A comparison is kept as a proof when both batches have ended, are of one account and came in by two ways."""

    code = "parity_not_kept"
    status = 409
    message = "This comparison cannot be kept as a proof: {reason}"
