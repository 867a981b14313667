"""Forms of the deal room. Amounts are typed in whole units of the currency and come out in minor units."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.payments.limits import ACCOUNT_NUMBER_MAX_CHARACTERS, TEXT_MAX_CHARACTERS

from . import limits, words
from .currencies import CURRENCIES, Currency
from .lifecycle import HANDOVER_REASONS
from .terms import DealTerms

AMOUNT_MAX_CHARACTERS = 40


class AmountField(forms.CharField):
    """An amount in whole units, grouped or not: `30,000,000` in MNT gives 3000000000 minor units."""

    def __init__(self, currency: Currency | None = None, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(max_length=AMOUNT_MAX_CHARACTERS, widget=widget, **options)
        self.currency = currency

    def to_python(self, value: Any) -> Any:
        """Minor units; None for nothing typed; the text itself while the currency is not known yet."""
        text = super().to_python(value)
        return minor_units(text, self.currency) if text and self.currency else text or None

    def validate(self, value: Any) -> None:
        """Only that something was typed: the commands know the bounds."""
        if value is None and self.required:
            raise forms.ValidationError(self.error_messages["required"])

    def run_validators(self, value: Any) -> None:
        """The length was judged as text."""
        if isinstance(value, str):
            super().run_validators(value)


def minor_units(text: str, currency: Currency) -> int:
    """What was typed, in minor units. Raises forms.ValidationError."""
    plain = re.sub(r"[\s,'₮$€£¥_\u00a0\u202f]", "", text)
    try:
        amount = Decimal(plain).scaleb(currency.exponent)
    except InvalidOperation:
        raise forms.ValidationError(_("Write the amount in digits, for example 30,000,000.")) from None
    if not amount.is_finite() or amount != amount.to_integral_value() or amount % currency.quantum:
        smallest = Decimal(currency.quantum).scaleb(-currency.exponent)
        raise forms.ValidationError(
            _("The smallest amount in %(code)s is %(least)s.") % {"code": currency.code, "least": smallest}
        )
    if not 0 <= amount <= limits.PRICE_MAX_MINOR:
        raise forms.ValidationError(_("This amount is too large or below 0."))
    return int(amount)


def typed(amount: int, code: str) -> str:
    """An amount in minor units as it stands in a field."""
    exponent = CURRENCIES[code].exponent
    whole, rest = divmod(amount, 10**exponent)
    return f"{whole:,}" + (f".{rest:0{exponent}d}" if rest else "")


class NewDealForm(forms.Form):
    """What is sold, on which side one stands, and for how much."""

    side = forms.ChoiceField(
        label=gettext_lazy("You are"),
        choices=(("seller", gettext_lazy("The seller")), ("buyer", gettext_lazy("The buyer"))),
    )
    template = forms.ChoiceField(label=gettext_lazy("What kind of deal"))
    title = forms.CharField(
        label=gettext_lazy("What is sold"),
        max_length=limits.FIELD_MAX_CHARACTERS,
        help_text=gettext_lazy("As you would say it in one line: Toyota Prius 30, 2012, white."),
    )
    price = AmountField(label=gettext_lazy("Price"))

    def __init__(self, *arguments: Any, terms: list[DealTerms], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.terms = {each.name: each for each in terms}
        field = self.fields["template"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (
                each.name,
                f"{words.named(words.CATEGORIES, each.body['category'])}"
                f" · {each.body['country']} · {each.currency.code}",
            )
            for each in terms
        ]

    def clean(self) -> dict[str, Any]:
        """The price in minor units of the chosen terms' currency."""
        cleaned = super().clean() or {}
        terms, price = self.terms.get(cleaned.get("template", "")), cleaned.get("price")
        if terms and isinstance(price, str):
            try:
                cleaned["price"] = minor_units(price, terms.currency)
            except forms.ValidationError as refused:
                self.add_error("price", refused)
        return cleaned


class FactsForm(forms.Form):
    """The facts of a draft, by the fields of its terms."""

    def __init__(self, *arguments: Any, terms: DealTerms, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["title"] = forms.CharField(label=_("What is sold"), max_length=limits.FIELD_MAX_CHARACTERS)
        self.fields["price"] = AmountField(terms.currency, label=_("Price, %(code)s") % {"code": terms.currency.code})
        self.names = list(terms.item_fields)
        for name, kind in terms.item_fields.items():
            self.fields[f"item_{name}"] = _item_field(words.named(words.FIELDS, name), kind)

    @property
    def item(self) -> dict[str, Any]:
        """What was typed of the item; fields left empty are not in it."""
        found = {name: self.cleaned_data.get(f"item_{name}") for name in self.names}
        return {name: value for name, value in found.items() if value not in (None, "")}


def _item_field(label: str, kind: str) -> forms.Field:
    if kind == "whole_number":
        return forms.IntegerField(label=label, required=False, min_value=0, max_value=10**9 - 1)
    if kind == "long_text":
        return forms.CharField(
            label=label, required=False, max_length=limits.NOTE_MAX_CHARACTERS,
            widget=forms.Textarea(attrs={"rows": 2}),
        )  # fmt: skip
    return forms.CharField(label=label, required=False, max_length=limits.FIELD_MAX_CHARACTERS)


class OfferForm(forms.Form):
    """To whom a draft is offered."""

    email = forms.EmailField(
        label=gettext_lazy("Mail address of the other side"),
        required=False,
        help_text=gettext_lazy("With an address only that person can accept; without one, whoever has the link."),
    )


class NoteForm(forms.Form):
    """A reason and what happened, for a contested handover."""

    reason = forms.ChoiceField(
        label=gettext_lazy("What is wrong"), choices=[(code, words.CONTESTS[code]) for code in HANDOVER_REASONS[::-1]]
    )
    note = forms.CharField(
        label=gettext_lazy("What happened"), max_length=limits.NOTE_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip


class PriceForm(forms.Form):
    """A lower price."""

    def __init__(self, *arguments: Any, currency: Currency, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["price"] = AmountField(currency, label=_("New price, %(code)s") % {"code": currency.code})


class ClaimLineForm(forms.Form):
    """One reason of a claim; a line without an amount is not claimed."""

    def __init__(self, *arguments: Any, currency: Currency, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["amount"] = AmountField(
            currency, label=_("What you ask for, %(code)s") % {"code": currency.code}, required=False
        )
        self.fields["note"] = forms.CharField(
            label=_("What is wrong"), required=False, max_length=limits.NOTE_MAX_CHARACTERS,
            widget=forms.Textarea(attrs={"rows": 3}),
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """An amount and its sentence come together."""
        cleaned = super().clean() or {}
        if cleaned.get("amount") and not (cleaned.get("note") or "").strip():
            self.add_error("note", _("Say what is wrong, in a few words."))
        if (cleaned.get("note") or "").strip() and not cleaned.get("amount") and "amount" not in self.errors:
            self.add_error("amount", _("Say how much you ask for."))
        return cleaned


class AmountsForm(forms.Form):
    """One amount for each claim line: a counter-offer, or a proposal to sign."""

    def __init__(self, *arguments: Any, currency: Currency, labels: list[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.count = len(labels)
        for place, label in enumerate(labels):
            self.fields[f"amount_{place}"] = AmountField(currency, label=label)

    @property
    def amounts(self) -> list[int]:
        """The amounts in the order of the lines, in minor units."""
        return [self.cleaned_data[f"amount_{place}"] for place in range(self.count)]


class AnswerForm(AmountsForm):
    """The seller's answer to a claim."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for place in range(self.count):
            self.fields[f"amount_{place}"].required = False
        self.fields["note"] = forms.CharField(
            label=_("Your answer"), max_length=limits.NOTE_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 4})
        )

    @property
    def counters(self) -> list[int]:
        """The offered amounts; none when every field was left empty, which contests the whole claim."""
        given = [self.cleaned_data.get(f"amount_{place}") for place in range(self.count)]
        return [] if all(each is None for each in given) else [each or 0 for each in given]


class BankForm(forms.Form):
    """Where somebody wants their money."""

    holder = forms.CharField(label=gettext_lazy("Name of the account's owner"), max_length=TEXT_MAX_CHARACTERS)
    bank = forms.CharField(label=gettext_lazy("Bank"), max_length=TEXT_MAX_CHARACTERS)
    number = forms.CharField(
        label=gettext_lazy("Account number or IBAN"), max_length=ACCOUNT_NUMBER_MAX_CHARACTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class LastDigitsForm(forms.Form):
    """The last characters of an account, typed again."""

    last_digits = forms.CharField(
        label=gettext_lazy("Last 4 characters of the account number"), max_length=4,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
