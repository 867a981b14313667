"""The pages of refusals say why, and the tree prints an address at which a passkey can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from pilothouse.kernel.base.errors import Conflict, Forbidden, PilothouseError
from pilothouse.site.errors import PageErrors
from pilothouse.site.house import HouseOptions, environment


@pytest.mark.unit
@pytest.mark.parametrize(
    ("refused", "status"),
    [(Conflict(reason="The wallet <moved>."), 409), (Forbidden(needed="batches:write"), 403)],
)
def test_a_refusals_page_says_its_reason(refused: PilothouseError, status: int) -> None:
    page: Any = PageErrors(lambda _: None).process_exception(RequestFactory().get("/x/"), refused)
    text = page.content.decode()
    assert page.status_code == status
    assert str(refused).replace("<", "&lt;").replace(">", "&gt;") in text
    assert "Nothing was changed." in text


@pytest.mark.unit
@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "0.0.0.0", "::"])
def test_this_machine_is_named_because_passkeys_need_a_name(
    bind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SITE_URL", raising=False)
    monkeypatch.delenv("LIVE_URL", raising=False)
    env = environment(HouseOptions(tmp_path, kind="demo", bind=bind, web_port=8000, live_port=8001), 8000, 8001)
    # Both by one name, or the session's cookie would not reach the live process.
    assert (env["SITE_URL"], env["LIVE_URL"]) == ("http://localhost:8000", "http://localhost:8001")
