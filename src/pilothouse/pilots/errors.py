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


class RollbackOpen(Conflict):
    """What was sent stands."""

    code = "rollback_told"
    message = "The rollback {rollback} is {state}: its notice stands as it was sent."


class NotYetTold(Conflict):
    """A notice goes out after the export, so that nobody is told of what cannot be shown."""

    code = "rollback_not_exported"
    message = "The notice waits for {missing}."


class NothingToResume(Conflict):
    """A rollback ends once."""

    code = "rollback_ended"
    message = "The rollback {rollback} has ended; new work goes on."
