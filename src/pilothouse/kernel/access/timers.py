"""What happens when an invitation or the overlap of a rotated key runs out."""

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.commands import apply
from pilothouse.kernel.lifecycle.timers import on_timer

from .invitations import end
from .lifecycle import API_KEY


@on_timer("invitation", "expire")
def expire(fired: list[Row]) -> None:
    """The link is too old; whoever still wants the person sends a new one."""
    end([row["subject_id"] for row in fired], "expire", role="timer", strict=False)


@on_timer("api_key", "retire")
def retire(fired: list[Row]) -> None:
    """The key that was rotated ends; the one that followed it works on."""
    apply(API_KEY, "revoke", [row["subject_id"] for row in fired], role="system", reason="rotated", strict=False)
