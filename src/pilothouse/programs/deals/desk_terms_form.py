"""The form in which an operator changes a copy of the terms in force, one field for each number that is tuned."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.errors import PilothouseError

from .arithmetic import MENU_OUTCOMES, OUTCOMES
from .desk_views import coded
from .desk_words import OUTCOMES as OUTCOME_WORDS
from .limits import NOTE_MAX_CHARACTERS
from .terms_checks import APPROVAL, BY_EVIDENCE, HANDOVER
from .terms_errors import TermsFieldInvalid

LENGTHS = {
    "inspectionTtlDays": _("Inspection, days"),
    "disputeTtlHours": _("Dispute and claim window, hours"),
    "offerTtlHours": _("Offer, hours"),
    "fundingTtlHours": _("Funding, hours"),
    "handoverTtlDays": _("Handover, days"),
    "handoverConfirmTtlHours": _("Confirming a handover, hours"),
    "handoverReviewTtlHours": _("Review of a contested handover, hours"),
}
RATIO_HELP = _('Decimal text such as "0.15"; whole basis points.')


class TermsForm(forms.Form):
    """The tuned values of one version, by their names in the body; `cap_CODE` and `outcomes_CODE` of each reason."""

    def __init__(self, body: Mapping[str, Any], data: Any = None) -> None:
        self.body = body
        super().__init__(data, initial=self._initial(body))
        self.fields["holdbackRatio"] = forms.CharField(label=_("Holdback ratio"), max_length=10, help_text=RATIO_HELP)
        self.fields["immediateReleaseAt"] = forms.ChoiceField(
            label=_("The immediate part is paid at"), choices=[(APPROVAL, _("approval")), (HANDOVER, _("handover"))]
        )
        self.fields["disputeExpiryOutcome"] = forms.ChoiceField(
            label=_("A dispute that nobody decides ends"),
            choices=[(BY_EVIDENCE, _("by the evidence")), *((each, OUTCOME_WORDS[each]) for each in OUTCOMES)],
        )
        for key, label in LENGTHS.items():
            self.fields[key] = forms.IntegerField(label=label, min_value=1)
        for code in body["offsetCapsByReasonCode"]:
            self.fields[f"cap_{code}"] = forms.CharField(
                label=_("Cap of %(code)s") % {"code": coded(code)}, max_length=10
            )
            self.fields[f"outcomes_{code}"] = forms.MultipleChoiceField(
                label=_("Outcomes of %(code)s") % {"code": coded(code)},
                choices=[(each, OUTCOME_WORDS[each]) for each in MENU_OUTCOMES],
                widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-sm"}),
                required=False,
            )
        self.fields["new_code"] = forms.CharField(
            label=_("One more reason code"),
            required=False,
            max_length=40,
            help_text=_("Capital letters and _, as in UNDISCLOSED_DEFECT. It takes the cap beside it."),
        )
        self.fields["new_cap"] = forms.CharField(label=_("Its cap"), required=False, max_length=10)
        self.fields["note"] = forms.CharField(
            label=_("Why it changes"),
            max_length=NOTE_MAX_CHARACTERS,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=_("What was seen in the pilot. It stands beside the version, in the final report too."),
        )

    def clean(self) -> dict[str, Any]:
        """A new reason code comes with its cap, and is not one that stands above already."""
        given = super().clean() or {}
        code, cap = (str(given.get(name) or "").strip() for name in ("new_code", "new_cap"))
        if bool(code) != bool(cap):
            self.add_error("new_cap" if code else "new_code", _("Give the reason code and its cap, or neither."))
        elif code in self.body["offsetCapsByReasonCode"]:
            self.add_error("new_code", _("This reason code stands above already."))
        return given

    def field_of(self, refused: PilothouseError) -> str:
        """The field of this form that a refusal is about."""
        place, _dot, code = str(refused.details.get("field", "")).partition(".")
        named = {"offsetCapsByReasonCode": f"cap_{code}", "allowedOutcomes": f"outcomes_{code}"}.get(place, place)
        if named in self.fields:
            return named
        if code and code == str(self.cleaned_data.get("new_code") or "").strip():
            return "new_code" if isinstance(refused, TermsFieldInvalid) else "new_cap"
        return "note"

    @staticmethod
    def _initial(body: Mapping[str, Any]) -> dict[str, Any]:
        allowed = body["allowedOutcomes"]
        found = {key: body[key] for key in (*LENGTHS, "holdbackRatio", "immediateReleaseAt", "disputeExpiryOutcome")}
        for code, cap in body["offsetCapsByReasonCode"].items():
            found[f"cap_{code}"] = cap
            found[f"outcomes_{code}"] = list(allowed.get(code, allowed.get("*", ())))
        return found

    def body_of(self, version: int) -> dict[str, Any]:
        """The body that these values make, with `version` as its number; unchanged parts are the copied ones."""
        given = self.cleaned_data
        body = copy.deepcopy(dict(self.body))
        body["version"] = version
        for key in (*LENGTHS, "holdbackRatio", "immediateReleaseAt", "disputeExpiryOutcome"):
            body[key] = given[key].strip() if isinstance(given[key], str) else given[key]
        body.pop("immediateRatio", None)
        outcomes = {}
        for code in self.body["offsetCapsByReasonCode"]:
            body["offsetCapsByReasonCode"][code] = given[f"cap_{code}"].strip()
            outcomes[code] = [each for each in MENU_OUTCOMES if each in given[f"outcomes_{code}"]]
        if given["new_code"]:
            body["offsetCapsByReasonCode"][given["new_code"].strip()] = given["new_cap"].strip()
            outcomes[given["new_code"].strip()] = list(MENU_OUTCOMES)
            body["requiredEvidence"][given["new_code"].strip()] = ["PHOTO"]
        same = len({json.dumps(each) for each in outcomes.values()}) == 1
        body["allowedOutcomes"] = {"*": next(iter(outcomes.values()))} if same else outcomes
        return body
