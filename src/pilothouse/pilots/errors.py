"""Errors of the pilots room."""

from pilothouse.kernel.base.errors import Conflict, PilothouseError


class TooManyReports(PilothouseError):
    """One person sends more than anybody can read."""

    code = "too_many_reports"
    status = 429
    message = "You have sent {maximum} messages within an hour. They are with us; please wait for an answer."


class AlreadyAnswered(Conflict):
    """Somebody else was faster."""

    code = "already_answered"
    message = "This was answered already, by {who}."


class NoIncident(Conflict):
    """Only what endangers somebody becomes an incident."""

    code = "no_incident_kind"
    message = "A report of the kind {kind} does not become an incident; answer it."
