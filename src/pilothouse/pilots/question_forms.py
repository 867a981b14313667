"""The forms of asking, reporting and answering."""

from django import forms
from django.utils.translation import gettext_lazy as _

from .limits import PLACE_MAX_CHARACTERS, QUESTION_MAX_CHARACTERS, WORDS_MAX_CHARACTERS

KIND_WORDS = {
    "question": _("I have a question"),
    "hidden_timer": _("I cannot see how much time is left"),
    "money_unclear": _("I do not understand where the money is"),
    "evidence_upload": _("I cannot add a photo or a document"),
    "safety": _("I do not feel safe"),
    "security": _("Somebody sees or does what they should not"),
}
# The same in one word, for an operator who looks down a list.
KIND_BADGES = {
    "question": _("Question"),
    "hidden_timer": _("Timer"),
    "money_unclear": _("Money"),
    "evidence_upload": _("Evidence"),
    "safety": _("Safety"),
    "security": _("Security"),
}


class AskForm(forms.Form):
    """What somebody asks or reports."""

    kind = forms.ChoiceField(label=_("What is it about?"), choices=list(KIND_WORDS.items()))
    words = forms.CharField(
        label=_("In your words"), max_length=WORDS_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 5})
    )
    page = forms.CharField(required=False, max_length=PLACE_MAX_CHARACTERS, widget=forms.HiddenInput)


class ReplyForm(forms.Form):
    """An operator's answer."""

    reply = forms.CharField(
        label=_("Answer"), max_length=WORDS_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 3})
    )


class FaqForm(forms.Form):
    """A question and its answer, for everybody."""

    question = forms.CharField(label=_("Question"), max_length=QUESTION_MAX_CHARACTERS)
    answer = forms.CharField(
        label=_("Answer"),
        max_length=WORDS_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Everybody in the program reads it: no names, no amounts of one deal."),
    )
