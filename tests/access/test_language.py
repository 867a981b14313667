"""Who reads in which language: what somebody chose, else their account's, else their browser's; machines English."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.access.language import speak
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import worker_scope

pytestmark = [pytest.mark.house, pytest.mark.http]
PASSWORD = "a-password-of-some-length"


@pytest.fixture
def account(shared_house: Any, request: pytest.FixtureRequest) -> Any:
    """A fresh account with one member."""
    tenant = shared_house.tenant(f"Market of {request.node.name}")
    tenant.mail = f"{request.node.name.replace('_', '-')}@example.mn"
    with worker_scope("test"):
        add_member(tenant.id, tenant.mail, "buyer")
        person = get_user_model().objects.get(email=tenant.mail)
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])
    return tenant


def browser(account: Any = None, accept: str = "en") -> Client:
    client = Client(headers={"accept-language": accept})
    if account is not None:
        person = get_user_model().objects.get(email=account.mail)
        client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def language(client: Client, path: str = "/account/sessions/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    said = answer.content.decode().partition('<html lang="')[2][:2]
    assert answer.headers["Content-Language"] == said
    return said


def choose(client: Client, code: str, back: str = "/account/login/") -> Any:
    return client.post("/account/language", {"language": code, "next": back})


def test_a_stranger_chooses_and_the_browser_keeps_it(shared_house: Any) -> None:
    client = browser()
    assert language(client, "/account/login/") == "en"
    answer = choose(client, "mn")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/login/")
    assert answer.cookies["language"]["httponly"]
    assert language(client, "/account/login/") == "mn"
    assert "Нэвтрэх" in client.get("/account/login/").content.decode()
    choose(client, "en")
    assert language(client, "/account/login/") == "en"


def test_a_browser_is_heard_and_only_in_a_language_that_is_spoken_whole(shared_house: Any) -> None:
    assert language(browser(accept="mn-MN,mn;q=0.9,en;q=0.5"), "/account/login/") == "mn"
    assert language(browser(accept="de-DE,de;q=0.9"), "/account/login/") == "en"


def test_a_choice_goes_with_the_person(account: Any) -> None:
    choose(browser(account), "mn")
    assert language(browser(account)) == "mn"
    assert language(browser(account, accept="en-GB")) == "mn"


def test_an_account_speaks_its_language_until_somebody_chooses(account: Any) -> None:
    with worker_scope("test"):
        speak(account.id, "mn")
        with pytest.raises(InvalidInput):
            speak(account.id, "xx")
    client = browser(account)
    assert language(client) == "mn"
    choose(client, "en")
    assert language(client) == "en"
    assert language(browser(account)) == "en"


def test_what_was_chosen_before_signing_in_is_kept_for_who_has_chosen_nothing(account: Any) -> None:
    client = browser()
    choose(client, "mn")
    signed_in = client.post("/account/login/", {"login": account.mail, "password": PASSWORD})
    assert signed_in.status_code == 302
    assert language(browser(account)) == "mn"
    # Somebody else's cookie on a shared machine does not change what a person has chosen.
    shared = browser()
    choose(shared, "en")
    shared.post("/account/login/", {"login": account.mail, "password": PASSWORD})
    assert language(browser(account)) == "mn"


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""])
def test_the_way_back_stays_here(shared_house: Any, back: str) -> None:
    assert choose(browser(), "mn", back).headers["Location"] == "/"


def test_an_unknown_language_is_refused(shared_house: Any) -> None:
    answer = choose(browser(), "tlh")
    assert answer.status_code == 422
    assert "en, mn" in answer.content.decode()
    assert "language" not in answer.cookies


def test_machines_are_answered_in_english(account: Any) -> None:
    client = browser(account, accept="mn")
    choose(client, "mn")
    answer = client.get("/v1/deals/deal_none")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "There is no deal with this id in your account."
