"""A rollback pauses the pilot that runs over the same work, so that its clock stands still; its end resumes it.

Pilots are moved in an operator's own scope, the rest of a rollback inside the account, so these are transactions of
their own beside it; both are safe to repeat.
"""

from . import pausing
from .pilot_models import Pilot

NOTE = "New work is paused. What is open goes on; every timer and payment runs as agreed."


def pause_pilots(program: str, tenant: int) -> int:
    """Pause the pilot of a program in a tenant for the rollback (operator scope); returns how many."""
    running = Pilot.objects.filter(program=program, tenant_id=tenant, state__in=["active", "review"])
    found = list(running.values_list("public_id", flat=True))
    for public_id in found:
        pausing.pause(public_id, "rollback", NOTE)
    return len(found)


def resume_pilots(program: str, tenant: int) -> int:
    """Resume what the rollback paused (operator scope); returns how many.

    Raises ResumeRefused while a P0 holds its gate, so that new work does not go on either.
    """
    held = Pilot.objects.filter(program=program, tenant_id=tenant, state="paused", pause_reason="rollback")
    found = list(held.values_list("public_id", flat=True))
    for public_id in found:
        pausing.resume(public_id)
    return len(found)
