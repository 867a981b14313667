"""Errors of the payments room; in each refusal nothing has moved."""

from pilothouse.kernel.base.errors import Conflict, InvalidInput, PilothouseError


class PaymentKnown(Conflict):
    """The same reference came before with other values."""

    code = "payment_known"
    message = "The payment {reference} from {source} is known with other values; nothing was recorded."


class AmountsDoNotMatch(Conflict):
    """The chosen payments are not enough for what they are to pay."""

    code = "amounts_do_not_match"
    message = "The chosen payments hold {available}; {needed} is needed. Nothing was matched."


class NotPayable(Conflict):
    """The thing does not wait for money."""

    code = "not_payable"
    message = "{subject} does not wait for a payment. Send the money back to its sender."


class RefundOnItsWay(Conflict):
    """The card processor has the rest of a payment in hand."""

    code = "refund_on_its_way"
    message = "A refund of {payment} is on its way through the card processor, so its money can go nowhere else."


class ProcessorHoldsLess(Conflict):
    """More was said to have come from the card processor than it holds."""

    code = "processor_holds_less"
    message = "The card processor holds {held} {unit} in minor units; {wanted} cannot have come from it."


class PaymentMethodLimit(PilothouseError):
    """An amount above what the card adapter takes."""

    code = "payment_method_limit"
    status = 422
    message = "Cards take at most {maximum} {unit} in minor units; this is {amount}. Pay by bank transfer."


class CardsNotSetUp(Conflict):
    """No card processor is configured."""

    code = "cards_not_set_up"
    message = "Card payments are not set up here. Pay by bank transfer."


class SecondPersonNeeded(InvalidInput):
    """An amount that one person may not send out alone."""

    code = "second_person_needed"
    message = "From {limit} minor units on, a second operator must approve; the one who sends cannot."


class BankAccountMissing(Conflict):
    """Nobody knows where to send the money."""

    code = "bank_account_missing"
    message = "{person} has not named a bank account for {unit}, or a changed one is still waiting."


class SignatureInvalid(PilothouseError):
    """A webhook that the processor did not sign."""

    code = "signature_invalid"
    status = 400
    message = "The signature of this event is not valid. Nothing was recorded."


class ProcessorUnreachable(PilothouseError):
    """The card processor did not answer, or refused."""

    code = "processor_unreachable"
    status = 502
    message = "The card processor did not take the order. Nothing was charged; try again, or pay by bank transfer."


class RequestWaits(Conflict):
    """The same sending waits for a second operator already."""

    code = "request_waits"
    message = "{subject} waits for a second operator already. Approve or withdraw that request first."


class ImportRefused(InvalidInput):
    """A bank's file that cannot be read; no row of it was recorded."""

    code = "import_refused"
    message = "Row {row}: {reason} Nothing of the file was recorded."


class NothingToFile(Conflict):
    """Nothing is due that could go into a new file for the bank."""

    code = "nothing_to_file"
    message = (
        "Nothing is due for a new bank file: what is due is in a file already, waits for a second operator, or has no"
        " bank account to go to."
    )
