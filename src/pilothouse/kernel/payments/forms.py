"""The forms of the payments desk; each field says what to write, and keeps what was typed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.errors import InvalidInput

from . import limits
from .amounts import CURRENCIES, TYPED_MAX_CHARACTERS, minor_amount
from .models import FAILURES

FAILURE_WORDS = {
    "account_closed": _("The account is closed"),
    "refused": _("The bank refused it"),
    "returned": _("It came back"),
}
REFERENCE_HELP = _("As it stands on the bank's statement.")


class AccountForm(forms.Form):
    """Whose money it is, and in what currency."""

    tenant = forms.CharField(label=_("Account"), max_length=40, help_text=_("The marketplace's id, ten_…"))
    unit = forms.ChoiceField(label=_("Currency"), choices=[("", _("Choose")), *((code, code) for code in CURRENCIES)])


class RecordForm(AccountForm):
    """One transfer that came in. The reference is the key: the same one is recorded once."""

    amount = forms.CharField(
        label=_("Amount"), max_length=TYPED_MAX_CHARACTERS, help_text=_("In whole units, such as 4,500,000 or 99.50.")
    )
    reference = forms.CharField(
        label=_("Bank reference"),
        max_length=limits.TEXT_MAX_CHARACTERS,
        help_text=_("As it stands on the bank's statement. The same reference is recorded once."),
    )
    payer = forms.CharField(label=_("Payer"), required=False, max_length=limits.TEXT_MAX_CHARACTERS)
    note = forms.CharField(
        label=_("What the payer wrote"),
        required=False,
        max_length=limits.TEXT_MAX_CHARACTERS,
        help_text=_("A deal's id in it finds the deal."),
    )

    def clean(self) -> dict[str, Any]:
        """The amount in minor units of the chosen currency."""
        given = super().clean() or {}
        if given.get("amount") and given.get("unit"):
            try:
                given["minor"] = minor_amount(given["amount"], given["unit"])
            except InvalidInput as refused:
                self.add_error("amount", str(refused))
        return given


class SettlementForm(AccountForm):
    """What the card processor paid to our bank. The reference is the key: the same one is recorded once."""

    amount = forms.CharField(
        label=_("Arrived at our bank"), max_length=TYPED_MAX_CHARACTERS, help_text=_("As it stands on the statement.")
    )
    fees = forms.CharField(
        label=_("Fees that the processor kept"), max_length=TYPED_MAX_CHARACTERS, initial="0", help_text=_("0 if none.")
    )
    reference = forms.CharField(
        label=_("The processor's reference"),
        max_length=limits.TEXT_MAX_CHARACTERS,
        help_text=_("The id of its payout, such as po_…"),
    )

    def clean(self) -> dict[str, Any]:
        """Both amounts in minor units of the chosen currency."""
        given = super().clean() or {}
        for name in ("amount", "fees"):
            if given.get(name) and given.get("unit"):
                try:
                    given[f"{name}_minor"] = minor_amount(given[name], given["unit"])
                except InvalidInput as refused:
                    self.add_error(name, str(refused))
        return given


class ImportForm(AccountForm):
    """A bank's file."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV with the columns reference and amount, and payer and note when the bank gives them."),
    )


class ReferenceForm(forms.Form):
    """The bank's reference of a transfer that we made."""

    reference = forms.CharField(
        label=_("Bank reference"), max_length=limits.TEXT_MAX_CHARACTERS, help_text=REFERENCE_HELP
    )


class CardBackForm(forms.Form):
    """How a card payment goes back."""

    reference = forms.CharField(
        label=_("Bank reference"),
        required=False,
        max_length=limits.TEXT_MAX_CHARACTERS,
        help_text=_("Empty: it goes back to the card. Give one only when you sent it by the bank instead."),
    )


class FailForm(forms.Form):
    """Why the bank did not pay."""

    reason = forms.ChoiceField(label=_("Reason"), choices=[(code, FAILURE_WORDS[code]) for code in FAILURES])


class RefuseForm(forms.Form):
    """Why a request is refused."""

    reason = forms.CharField(
        label=_("Reason"), max_length=limits.TEXT_MAX_CHARACTERS, help_text=_("The one who asked reads it.")
    )
