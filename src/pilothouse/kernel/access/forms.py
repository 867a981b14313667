"""Forms of the access room's own pages."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _

from . import limits
from .roles import KEY_SCOPES, OFFERED_ROLES

ROLE_WORDS = {
    "owner": _("Owner: everything"),
    "engineer": _("Engineer: batches, keys, webhooks"),
    "finance": _("Finance: ledger and exports only"),
}
KIND_WORDS = {
    "pilot": _("Pilot (ek_pilot_…), live credits"),
    "live": _("Live (ek_live_…), live credits"),
    "test": _("Test (ek_test_…), no real credits"),
}
SCOPE_WORDS = {
    "batches:read": _("See batches and their videos"),
    "batches:write": _("Create and cancel batches, which spends credits"),
    "ledger:read": _("Read the ledger"),
    "webhooks:write": _("Manage webhook endpoints and replay events"),
}
# Who gets a new key, when it is the one who asks.
MYSELF = "me"
OVERLAP_WORDS = {
    0: _("At once, when the new key is shown"),
    1: _("1 hour after the new key is shown"),
    24: _("24 hours after the new key is shown"),
    72: _("3 days after the new key is shown"),
    168: _("7 days after the new key is shown"),
}


def role_choices(present: str = "") -> list[tuple[str, Any]]:
    """The roles that an owner can offer, with the one that the person has when it is none of these."""
    choices = [(role, ROLE_WORDS[role]) for role in OFFERED_ROLES]
    return choices if present in ("", *OFFERED_ROLES) else [*choices, (present, present.capitalize())]


class InviteForm(forms.Form):
    """Whom to invite, as what."""

    email = forms.EmailField(
        label=_("Mail address"),
        max_length=limits.EMAIL_MAX_CHARACTERS,
        help_text=_("The link in the mail works once, for 7 days."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=role_choices,
        initial="engineer",
        help_text=_("An owner also invites people; finance reads the ledger and has neither keys nor new batches."),
    )


class RoleForm(forms.Form):
    """A member's other role."""

    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, present: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(present)  # type: ignore[attr-defined]
        self.fields["role"].initial = present


class JoinForm(forms.Form):
    """What a person who is new here says of themselves."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=limits.PERSON_NAME_MAX_CHARACTERS,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=1_000,
        validators=[ProhibitNullCharactersValidator()],
        help_text=_("At least 10 characters. Leave it empty to sign in by a mailed link or code."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        """The password, judged by the same rules as everywhere."""
        password: str = self.cleaned_data["password"]
        if password:
            validate_password(password, get_user_model()(username=self.email, email=self.email))
        return password


class _DeliverForm(forms.Form):
    """To whom the new key is shown: here, or to a member by a mailed link. `once` makes a second press the same one."""

    to = forms.ChoiceField(
        label=_("Who gets it"),
        help_text=_("The key is made when the link is opened and shown once. No mail ever holds it."),
    )
    once = forms.CharField(max_length=limits.FORM_TOKEN_MAX_CHARACTERS, widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, people: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mailed = [(email, _("Mail a one-time link to %(email)s") % {"email": email}) for email in people]
        self.fields["to"].choices = [(MYSELF, _("Show it to me, here")), *mailed]  # type: ignore[attr-defined]


class KeyForm(_DeliverForm):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"),
        max_length=limits.KEY_NAME_MAX_CHARACTERS,
        help_text=_("Where it is used, so that you know what stops when you revoke it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=lambda: list(KIND_WORDS.items()))
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=lambda: [(scope, SCOPE_WORDS[scope]) for scope in KEY_SCOPES],
        initial=list(KEY_SCOPES),
        error_messages={"required": _("A key that may do nothing is of no use: choose at least one.")},
    )
    rate_limit_per_min = forms.IntegerField(
        label=_("Requests a minute"),
        min_value=1,
        max_value=limits.RATE_LIMIT_MAX_PER_MIN,
        initial=limits.RATE_LIMIT_DEFAULT_PER_MIN,
    )

    field_order = ("name", "kind", "scopes", "rate_limit_per_min", "to", "once")


class RotateForm(_DeliverForm):
    """How long the old key goes on beside the new one."""

    overlap_hours = forms.TypedChoiceField(
        label=_("The old key stops working"), choices=lambda: list(OVERLAP_WORDS.items()), coerce=int, initial=24
    )

    field_order = ("overlap_hours", "to", "once")
