"""The tables of the pilots room, each beside what it is about."""

from .daily_models import Digest, DigestPlan, Feedback, Rollback, RollbackReceipt
from .message_models import PilotMessage
from .pilot_models import Attestation, Fix, Pilot, Signal
from .question_models import FaqEntry, Report

__all__ = [
    "Attestation", "Digest", "DigestPlan", "FaqEntry", "Feedback", "Fix", "Pilot", "PilotMessage", "Report",
    "Rollback", "RollbackReceipt", "Signal",
]  # fmt: skip
