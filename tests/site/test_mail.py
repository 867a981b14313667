"""One setting says how mail leaves; over SMTP it really does."""

import socketserver
import threading
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMessage, get_connection
from django.test import override_settings

from pilothouse.site.env import BadSetting
from pilothouse.site.mail import from_url

pytestmark = pytest.mark.unit


class Post(socketserver.ThreadingTCPServer):
    """A mail server on loopback that keeps what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.told: list[str] = []


class Talk(socketserver.StreamRequestHandler):
    """One conversation: RFC 5321 as far as a client without TLS and with AUTH PLAIN needs it."""

    server: Post

    def handle(self) -> None:
        self.say("220 post")
        inside = False
        while line := self.rfile.readline():
            said = line.decode().rstrip("\r\n")
            self.server.told.append(said)
            if inside:
                inside = said != "."
                if not inside:
                    self.say("250 kept")
            elif said.startswith("ehlo"):
                self.say("250-post")
                self.say("250 AUTH PLAIN")
            elif said.startswith("AUTH"):
                self.say("235 welcome")
            elif said.upper() == "DATA":
                inside = True
                self.say("354 go on")
            elif said.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def post() -> Iterator[Post]:
    with Post() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def test_a_mail_leaves_over_smtp(post: Post) -> None:
    mail = from_url(f"smtp://ada%40example.com:s3cret@127.0.0.1:{post.server_address[1]}?tls=0")
    connection = get_connection(
        mail.backend, host=mail.host, port=mail.port, username=mail.user, password=mail.password, use_tls=mail.starttls
    )
    assert EmailMessage(
        "Receipt", "90 settled.", "house@example.com", ["kim@example.com"], connection=connection
    ).send()
    assert "AUTH PLAIN AGFkYUBleGFtcGxlLmNvbQBzM2NyZXQ=" in post.told
    assert {"Subject: Receipt", "90 settled."} <= set(post.told)


def test_nothing_is_sent_until_an_address_is_set() -> None:
    assert (from_url("").backend, from_url("").sends) == ("django.core.mail.backends.filebased.EmailBackend", False)


def test_tls_is_the_default() -> None:
    plain, wrapped = from_url("smtp://a:b@mail.example"), from_url("smtps://a:b@mail.example")
    assert (plain.port, plain.starttls, plain.tls) == (587, True, False)
    assert (wrapped.port, wrapped.starttls, wrapped.tls) == (465, False, True)


def test_a_service_that_anymail_knows() -> None:
    mail = from_url("anymail://postmark?server_token=t0ken")
    with override_settings(ANYMAIL=mail.anymail):
        assert get_connection(mail.backend).server_token == "t0ken"


@pytest.mark.parametrize("url", ["mail.example:25", "ftp://a:s3cret@b", "smtp://", "anymail://nobody?key=s3cret"])
def test_a_wrong_address_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(BadSetting) as refused:
        from_url(url)
    assert "EMAIL_URL" in str(refused.value)
    assert "s3cret" not in str(refused.value)
