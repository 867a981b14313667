"""Each running process tells every few seconds that it lives, and under which settings `check` has to judge it."""

import os
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import DatabaseError, connections

from pilothouse.kernel.base.scope import WEB_ALIAS, WORKER_ALIAS
from pilothouse.kernel.watch.processes import report_process

from .migrate import schema_hash

log = structlog.get_logger(__name__)
PROCESS_BEAT_EVERY_S = 10.0
SECRETS_OF_SAMPLES = ("change", "example", "insecure", "password", "secret-key", "test-key")
PASSWORDS_OF_SAMPLES = ("", "admin", "changeme", "password", "pilothouse", "postgres", "secret")
LOCAL_HOSTS = ("", "127.0.0.1", "::1", "localhost")
SECRET_KEY_MIN_DISTINCT_CHARACTERS = 12


def settings_report() -> dict[str, Any]:
    """What this process's settings allow that a production house must not, and the version that it runs.

    {"house_kind", "webhook_allow_local", "debug", "mail_stays", "weak_secrets": [name…], "schema"}; no secret is in it.
    """
    return {
        "house_kind": settings.HOUSE_KIND,
        "webhook_allow_local": bool(settings.WEBHOOK_ALLOW_LOCAL),
        "debug": bool(settings.DEBUG),
        "mail_stays": not settings.MAIL.sends,
        "weak_secrets": weak_secrets(),
        "schema": schema_hash(),
    }


def weak_secrets() -> list[str]:
    """The secrets of this process that came from a sample or can be guessed, by what they are."""
    key = settings.SECRET_KEY
    sampled = any(word in key.lower() for word in SECRETS_OF_SAMPLES)
    weak = ["SECRET_KEY"] if sampled or len(set(key)) < SECRET_KEY_MIN_DISTINCT_CHARACTERS else []
    address = urlsplit(os.environ.get("DATABASE_URL", ""))
    if address.hostname not in (None, *LOCAL_HOSTS) and (address.password or "") in PASSWORDS_OF_SAMPLES:
        weak.append("the password in DATABASE_URL")
    return weak


def start_heartbeat(kind: str) -> None:
    """Report this process (web, live or worker) from now until it ends, on a thread of its own."""
    threading.Thread(target=_beat_for_ever, args=(kind,), name="heartbeat", daemon=True).start()


def _beat_for_ever(kind: str) -> None:
    alias = WORKER_ALIAS if kind == "worker" else WEB_ALIAS
    name = f"{socket.gethostname()}:{os.getpid()}"
    report = settings_report()
    pause = threading.Event()
    while True:
        try:
            report_process(alias, name, kind, report)
        except DatabaseError as error:
            log.warning("heartbeat_not_written", process=name, error=type(error).__name__)
        finally:
            # Back to the pool: a connection that waits here would be one fewer for requests.
            connections[alias].close()
        pause.wait(PROCESS_BEAT_EVERY_S)
