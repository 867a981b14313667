"""Mail, chat and webhooks of a rehearsal: written, claimed and finished as always, and sent nowhere."""

from collections.abc import Callable, Mapping

from pilothouse.kernel.base.rehearsal import Stage
from pilothouse.kernel.base.replies import Failure, Reply
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.outbox.notices import CHAT, NoticeOutcome, NoticePump

RECEIVED, DOWN = 200, 503


class Notices(NoticePump):
    """Mails and chats: all are taken, none while the endpoints are down. A chat that is taken calls the operator who is
    on call."""

    def __init__(self, stage: Stage, paged: Callable[[], None]) -> None:
        self._stage = stage
        self._paged = paged

    async def act(self, row: Row) -> NoticeOutcome:
        """Sending means to remember nothing."""
        if self._stage.spell("endpoint_down"):
            return self.failed(row, "Unreachable")
        if row["channel"] == CHAT:
            self._paged()
        return NoticeOutcome(row["id"], row["token"], "sent", 0.0, "")


class Endpoints:
    """What stands for every customer's endpoint: `post` as the HTTP client has it."""

    def __init__(self, stage: Stage, received: Callable[[str, bytes], None]) -> None:
        self._stage = stage
        self._received = received

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Taken, or refused while endpoints are down; sometimes taken with the answer lost, so that it comes again."""
        if self._stage.spell("endpoint_down"):
            return Reply(DOWN, None, 0)
        self._received(headers["webhook-id"], body)
        if self._stage.strikes("duplicate"):
            return Reply(None, Failure.TIMEOUT, 0)
        return Reply(RECEIVED, None, 0)

    async def close(self) -> None:
        """Nothing is open."""
