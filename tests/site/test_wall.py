"""What is refused before any view: oversized bodies, NUL in an address; and logs that cannot move a terminal."""

import pytest
from django.test import Client

from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES
from pilothouse.site.logs import escape_control

pytestmark = pytest.mark.house


@pytest.mark.parametrize("path", ["/v1/batches/%00", "/v1/ledger?batch_id=%00", "/v1/batches/a%00b/cancel"])
def test_nul_in_an_api_address_is_a_clear_refusal(house, path):
    answer = Client().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


def test_nul_in_a_pages_address_is_a_clear_refusal(house):
    assert Client().get("/batches/%00/").status_code == 422


@pytest.mark.parametrize("path", ["/v1/batches", "/account/login/"])
def test_a_body_over_the_limit_is_refused_unread(house, path):
    answer = Client().generic("POST", path, b"x", CONTENT_LENGTH=str(REQUEST_BODY_MAX_BYTES + 1))
    assert answer.status_code == 413
    assert str(REQUEST_BODY_MAX_BYTES) in answer.content.decode()


def test_control_characters_are_escaped_in_logs():
    event = escape_control(None, "info", {"event": "seen", "path": "/a\x1b[31mb\x00", "n": 3})
    assert event == {"event": "seen", "path": "/a\\x1b[31mb\\x00", "n": 3}
