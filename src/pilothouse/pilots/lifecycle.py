"""The states of a pilot (`docs/architecture.md` shows the picture).

`paused` follows from a closed gate over the pilot's account. A verdict is computed and signed: three events, one for
each outcome, so that the table itself says what may be signed.
"""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

# Why a prospect is no pilot: the accept lines that were not met, then the reject lines that were.
REJECTIONS = (
    "no_engineering_team", "no_use_case", "no_webhook", "budget_mismatch",
    "wants_success_rate", "expects_sla", "no_technical_contact", "just_trying",
    "out_of_scope", "too_few_deals",
)  # fmt: skip
PAUSES = ("P0", "customer", "operator", "rollback")
FIXES = ("ours", "theirs")
ABANDONS = ("no_response", "not_ready", "withdrawn")
CLOSES = ("Close", "Continue", "Pause")
BEFORE = ("prospect", "qualified", "locked", "preparing", "retrying")
RUNNING = ("active", "paused", "review")
JUDGED = ("failed", "inconclusive", "succeeded")
UNDECIDED = ("failed", "inconclusive")
LABELS = {
    "prospect": _("Prospect"),
    "qualified": _("Qualified"),
    "rejected": _("Rejected"),
    "locked": _("Locked"),
    "preparing": _("Preparing"),
    "active": _("Active"),
    "paused": _("Paused"),
    "review": _("Review"),
    "succeeded": _("Success"),
    "failed": _("Failure"),
    "inconclusive": _("Inconclusive"),
    "retrying": _("Retrying"),
    "enterprise": _("Enterprise"),
    "closed": _("Closed"),
}
OUTCOMES = {"succeeded": "succeed", "failed": "fail", "inconclusive": "leave_open"}

PILOT = Lifecycle(
    name="pilot",
    table="pilot",
    acts={
        "qualify": _("qualify this pilot"),
        "reject": _("reject this pilot"),
        "lock": _("lock this pilot"),
        "prepare": _("prepare this pilot"),
        "activate": _("activate this pilot"),
        "pause": _("pause this pilot"),
        "resume": _("resume this pilot"),
        "resume_review": _("resume the review of this pilot"),
        "give_up": _("give this pilot up"),
        "review": _("review this pilot"),
        "succeed": _("sign a success of this pilot"),
        "fail": _("sign a failure of this pilot"),
        "leave_open": _("sign this pilot as inconclusive"),
        "retry": _("retry this pilot"),
        "prepare_again": _("prepare this pilot again"),
        "abandon": _("abandon this pilot"),
        "close": _("close this pilot"),
        "upgrade": _("upgrade this pilot"),
        "tick": _("tick a line of this pilot"),
    },
    labels=LABELS,
    transitions=(
        Transition("create", None, "prospect", ("customer", "operator"), timer="stale"),
        Transition("qualify", "prospect", "qualified", ("operator", "system"), timer="stale"),
        Transition("reject", "prospect", "rejected", ("operator", "system"), reasons=REJECTIONS),
        Transition("lock", "qualified", "locked", ("customer", "operator", "system"), timer="stale"),
        Transition("prepare", "locked", "preparing", ("operator", "system"), timer="stale"),
        Transition("activate", "preparing", "active", ("operator", "system"), timer="deadline", posting="grant"),
        Transition("advance", "active", "active", ("system",)),
        Transition("pause", ("active", "review"), "paused", ("operator", "system"), timer="pause_max", reasons=PAUSES),
        Transition("resume", "paused", "active", ("operator", "system"), timer="deadline"),
        Transition("resume_review", "paused", "review", ("operator", "system")),
        Transition("give_up", "paused", "review", ("operator", "timer")),
        Transition("review", "active", "review", ("operator", "system", "timer")),
        Transition("succeed", "review", "succeeded", ("operator",)),
        Transition("fail", "review", "failed", ("operator",)),
        Transition("leave_open", "review", "inconclusive", ("operator",)),
        Transition("retry", UNDECIDED, "retrying", ("operator",), timer="stale", reasons=FIXES),
        Transition("prepare_again", "retrying", "preparing", ("operator",), timer="stale", reasons=FIXES),
        Transition("abandon", BEFORE, "closed", ("operator", "timer"), reasons=ABANDONS),
        Transition("close", JUDGED, "closed", ("operator",), reasons=CLOSES),
        Transition(
            "upgrade", ("active", "succeeded"), "enterprise", ("operator",), posting="contract",
            reasons=("contract_signal",),
        ),
    ),
    # What is in review or judged belongs to a named person, with a day by which they owe the next step.
    alive=(
        "EXISTS (SELECT FROM timer t WHERE t.subject_kind = '{name}' AND t.subject_id = s.id AND t.state = 'armed')"
        " OR s.owner <> '' AND s.due_at IS NOT NULL"
    ),
)  # fmt: skip
