"""What the terms of a deal are refused for: one code for each check at publish. `field` is where, `a.b` inside `a`."""

from pilothouse.kernel.terms.errors import TermsInvalid


class TermsFileInvalid(TermsInvalid):
    """A file that holds no terms, or not the ones that its name says."""

    code = "terms_file_invalid"


class TermsFieldUnknown(TermsInvalid):
    """A field that terms do not have."""

    code = "terms_field_unknown"
    message = "These terms cannot be used: unknown: {field}."


class TermsFieldMissing(TermsInvalid):
    """A field that every version must have."""

    code = "terms_field_missing"
    message = "These terms cannot be used: missing: {field}."


class TermsFieldInvalid(TermsInvalid):
    """A field whose value is of the wrong kind, or not one that is known."""

    code = "terms_field_invalid"
    message = "These terms cannot be used: {field} must be {wanted}."


class TermsLengthInvalid(TermsInvalid):
    """A window that is not a whole number above 0, or longer than any may be."""

    code = "terms_length_invalid"
    message = "These terms cannot be used: {field} must be a whole number above 0 and at most {maximum_days} days."


class TermsRatioInvalid(TermsInvalid):
    """A ratio that is not decimal text of whole basis points between 0 and 1."""

    code = "terms_ratio_invalid"
    message = "These terms cannot be used: {field} {problem}."


class TermsPartsDoNotAdd(TermsInvalid):
    """The immediate part and the holdback are both given and are not the whole together."""

    code = "terms_parts_do_not_add"
    message = "These terms cannot be used: immediateRatio {immediate} and holdbackRatio {holdback} do not add to 1."


class TermsCapAboveHoldback(TermsInvalid):
    """A cap by which a claim could reach what was paid already."""

    code = "terms_cap_above_holdback"
    message = (
        "These terms cannot be used: the cap of {reason_code}, {cap}, is above holdbackRatio {holdback}: more than "
        "is held back."
    )


class TermsCapMissing(TermsInvalid):
    """A reason code that is spoken of and has no cap."""

    code = "terms_cap_missing"
    message = "These terms cannot be used: {field} names a reason code which has no cap in offsetCapsByReasonCode."


class TermsOutcomeMissing(TermsInvalid):
    """A reason code for which an operator could choose nothing."""

    code = "terms_outcome_missing"
    message = "These terms cannot be used: allowedOutcomes gives {reason_code} no outcome."


class TermsReleaseMissing(TermsInvalid):
    """A reason code whose claim could not be turned down."""

    code = "terms_release_missing"
    message = "These terms cannot be used: allowedOutcomes of {reason_code} must hold RELEASE_TO_SELLER."


class TermsOutcomeUnknown(TermsInvalid):
    """An outcome that no operator may choose, or one that is listed twice."""

    code = "terms_outcome_unknown"
    message = "These terms cannot be used: allowedOutcomes of {reason_code} holds {problem}."


class TermsEvidenceMissing(TermsInvalid):
    """A claim or a handover for which nothing, or nothing known, must be shown."""

    code = "terms_evidence_missing"
    message = "These terms cannot be used: {field} must be one or more of {known}."


class TermsVersionNotNext(TermsInvalid):
    """A version whose number is not the one after the newest."""

    code = "terms_version_not_next"
    message = "These terms cannot be used: the next version of {name} is {next}, not {given}."
