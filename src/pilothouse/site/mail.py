"""How mail leaves: one address, as the database and the file storage have one."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import env

SMTP_PORTS = {"smtp": 587, "smtps": 465}
SEND_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Mail:
    """What Django and anymail read: the backend, whether it sends to anybody, and their own settings."""

    backend: str
    sends: bool
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False
    anymail: dict[str, Any] = field(default_factory=dict)


def from_url(url: str) -> Mail:
    """Mail's way out.

    empty                                         each mail is a file in DATA/mails, nothing is sent
    smtp://USER:PASSWORD@HOST[:587][?tls=0]       SMTP with STARTTLS, or without any TLS by tls=0
    smtps://USER:PASSWORD@HOST[:465]              SMTP over TLS
    anymail://SERVICE?PARAMETER=VALUE[&…]         a service that anymail knows, with its parameters in lower case,
                                                  as anymail://postmark?server_token=…

    Raises BadSetting, which tells nothing of a password.
    """
    if not url:
        return Mail("django.core.mail.backends.filebased.EmailBackend", sends=False)
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if not parts.hostname or parts.scheme not in (*SMTP_PORTS, "anymail"):
        raise env.BadSetting("EMAIL_URL", f"{parts.scheme}://…", "an smtp://, smtps:// or anymail:// address")
    if parts.scheme == "anymail":
        service = parts.hostname
        if find_spec(f"anymail.backends.{service}") is None:
            raise env.BadSetting("EMAIL_URL", f"anymail://{service}?…", "a service that anymail knows")
        return Mail(
            f"anymail.backends.{service}.EmailBackend",
            sends=True,
            anymail={f"{service}_{name}".upper(): value for name, value in options.items()},
        )
    return Mail(
        "django.core.mail.backends.smtp.EmailBackend",
        sends=True,
        host=parts.hostname,
        port=parts.port or SMTP_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp" and options.get("tls", "1") != "0",
        tls=parts.scheme == "smtps",
    )
