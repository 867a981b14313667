"""Why a step of a pilot is refused."""

from pilothouse.kernel.base.errors import Conflict, Forbidden, InvalidInput


class AlreadyRunning(Conflict):
    """One account runs one pilot of a program at a time."""

    code = "pilot_open_already"
    message = "{company} has a pilot of {program} that is not decided yet: {pilot}."


class Unanswered(InvalidInput):
    """The qualification form needs every line."""

    code = "lines_unanswered"
    message = "Answer every line: {lines} is missing."


class LineNotYours(Forbidden):
    """A line is ticked by facts, by the other side, or by another role."""

    code = "line_not_yours"
    message = "The line {line} is for {needed} to tick."


class NotProven(Conflict):
    """A question is taken back by accepting a proof that was kept in this attempt and passed."""

    code = "parity_not_proven"
    message = "There is no proof to accept: {reason} Nothing was noted."


class ExpectationsOpen(Conflict):
    """The customer has not confirmed what to expect."""

    code = "expectations_open"
    message = "No key and no preparation before the customer has confirmed: {lines}."


class NotReady(Conflict):
    """The preparation is not done."""

    code = "pilot_not_ready"
    message = "The pilot cannot begin: {lines} must be done first."


class CreditsTooFew(Conflict):
    """The granted credits are below two smallest batches, and nobody confirmed that."""

    code = "credits_too_few"
    message = "{credits} credits are less than two smallest batches ({needed}). Confirm it, or grant more."


class StillGated(Conflict):
    """A gate over everybody holds the pilot; it is not this account's to open."""

    code = "pilot_still_gated"
    message = "The gate {gate} over all accounts is closed. Reopen it at Gates."


class VerdictBlocked(Conflict):
    """The verdict may not be signed now."""

    code = "verdict_blocked"
    message = "The verdict cannot be signed: {reason}"


class VerdictChanged(Conflict):
    """The facts say something else than the page that was signed."""

    code = "verdict_changed"
    message = "The verdict is now {verdict}, not {expected}. Look again before you sign."


class SelfServiceFull(Conflict):
    """Accounts that begin by themselves are given so many credits in a day, over all of them."""

    code = "self_service_full"
    message = (
        "The {most} credits that pilots may begin with by themselves within {hours} hours are given out. "
        "This one begins by itself from {at} on; nothing is lost."
    )


class FixOpen(Conflict):
    """A retry needs the cause of the last attempt, mended."""

    code = "fix_open"
    message = "A retry needs what went wrong to be recorded and mended: {reason}"


class NoSignal(Conflict):
    """Nobody of the customer asked for a contract."""

    code = "no_contract_signal"
    message = "An upgrade needs a recorded question about a contract or SLA. Record it, do not initiate it."


class NoExport(Conflict):
    """There is nothing yet that an outsider could check, or nothing that the verifier knows how to check."""

    code = "pilot_export_unknown"
    message = "{pilot} cannot be exported: it was not activated, or its program gives no rows to check."


class FolderNotEmpty(Conflict):
    """An export is written into a folder of its own."""

    code = "export_folder_not_empty"
    message = "{folder} is not empty. Name a new folder."


class ExportUnsettled(Conflict):
    """The account was at work in every pass."""

    code = "export_unsettled"
    message = "{pilot} was at work all the time. Pause it, or try again when its batches have ended."


class NotForChat(Conflict):
    """What a customer reads goes to the customer."""

    code = "message_not_for_chat"
    message = "The text {text!r} is for the customer; it goes by mail, not to our chat."


class NowhereToPost(Conflict):
    """No chat is configured."""

    code = "no_chat_address"
    message = "There is no chat to post to: ALERT_URLS is empty. Nothing was sent; send it by mail, or set it."


class OnlyByItsStep(Conflict):
    """A text with something that only a step of the pilot can make."""

    code = "message_by_its_step"
    message = "The text {text!r} is sent by the step that makes its one-time link. Renew the link to send it again."


class NotYet(Conflict):
    """A text says what is not so yet."""

    code = "message_not_yet"
    message = "The text {text!r} cannot be sent now. {reason}"
