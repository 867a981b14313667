"""Errors of the deals program; in each refusal nothing has moved."""

from pilothouse.kernel.base.errors import Conflict, InvalidInput, PilothouseError


class AmountNotQuantized(InvalidInput):
    """An amount is not a whole number of the currency's smallest unit in use."""

    code = "amount_not_quantized"
    message = "{amount} is not a whole multiple of {quantum}, the smallest amount used in {currency}."


class AmountTooSmall(InvalidInput):
    """A price that cannot be split into parts that mean anything."""

    code = "amount_too_small"
    message = "A price is at least {minimum} {currency} in minor units; this one is {amount}."


class AmountTooLarge(InvalidInput):
    """A price or claim above what can be held."""

    code = "amount_too_large"
    message = "{amount} is more than {maximum}, the most that is possible here."


class PilotDisabled(PilothouseError):
    """The pilot's switch is off: no new deals."""

    code = "pilot_disabled"
    status = 409
    message = "New deals are paused. Deals that are open go on; their timers and payments are not touched."


class PilotFull(PilothouseError):
    """The pilot has as many deals as its scope allows."""

    code = "pilot_full"
    status = 409
    message = "This pilot takes {maximum} deals and has them all."


class NotYourSide(PilothouseError):
    """A party acts in the other's place."""

    code = "not_your_side"
    status = 403
    message = "Only the {side} can do this."


class SignInAgain(PilothouseError):
    """A change of where money goes, in a session that began too long ago."""

    code = "sign_in_again"
    status = 403
    message = "This changes where your money goes: sign in again first, then do it within a few minutes."


class SamePerson(InvalidInput):
    """Buyer and seller would be one person."""

    code = "same_person"
    message = "One person cannot be both buyer and seller of a deal."


class TermsChanged(Conflict):
    """What was accepted is not what is offered now."""

    code = "terms_changed"
    message = "The offer was changed after this page was shown. Read it again before you accept."


class InspectionOver(Conflict):
    """The window for a claim has ended."""

    code = "inspection_over"
    message = "The time for raising an issue ended at {due_at}."


class NoHoldback(Conflict):
    """Nothing is held back, so nothing can be claimed."""

    code = "no_holdback"
    message = "This deal holds nothing back, so no issue can be raised."


class EvidenceMissing(InvalidInput):
    """What the terms ask for is not there."""

    code = "evidence_missing"
    message = "Add {missing} first."


class EvidenceClosed(Conflict):
    """It is too late for the other side to look at more evidence."""

    code = "evidence_closed"
    message = "Evidence could be added until {closed_at}."


class PageIsOld(Conflict):
    """A button of a page that no longer says what is so."""

    code = "page_is_old"
    message = "This deal has changed since the page was shown. Nothing was done. Look at it again."


class OutcomeRefused(InvalidInput):
    """An outcome that the pinned terms do not offer."""

    code = "outcome_not_allowed"
    message = "{outcome} is not an outcome that these terms allow for {code}. Allowed: {allowed}."


class AuditReasonMissing(InvalidInput):
    """A judgement without its reason."""

    code = "audit_reason_missing"
    message = "A decision needs a reason code and a note of at least {minimum} characters."


class AdminIsParty(PilothouseError):
    """Nobody judges their own deal."""

    code = "admin_is_party"
    status = 403
    message = "You are a party of this deal; another operator must decide."


class ClaimRefused(InvalidInput):
    """A claim line that the terms do not know or that asks for too much."""

    code = "claim_refused"
