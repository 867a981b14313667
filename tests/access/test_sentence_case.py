"""What the sign-in pages of other packages say stands in our sentence case, in both languages."""

import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = pytest.mark.house
PASSWORD = "a long pass phrase 7"
SAID = re.compile(r"<(title|h1|h2|h3|button|label|legend|th|a)\b[^>]*>(.*?)</\1>", re.DOTALL)
TITLE_CASE = re.compile(r"\b[A-ZА-ЯӨҮЁ][a-zа-яөүё]+(?:'[a-z]+)?[ -][A-ZА-ЯӨҮЁ][a-zа-яөүё]+")
# Names of people and of things that are written so.
NAMES = ("Ada Lund", "Northwind")


def own_pages() -> list[str]:
    """The addresses under account/ that need no argument."""
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> None:
        for each in patterns:
            here = before + str(each.pattern)
            if isinstance(each, URLResolver):
                walk(each.url_patterns, here)
            elif here.startswith("account/") and "<" not in here and each.name:
                found.append(reverse(each.name))

    walk(get_resolver().url_patterns, "")
    return sorted(set(found))


@pytest.mark.parametrize("language", ["en", "mn"])
def test_no_page_of_a_person_speaks_in_title_case(house: Any, language: str) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id, "test"):
        add_member(tenant.id, "ada@x.example", "owner", "Ada Lund", PASSWORD)
    stranger, ada = Client(), Client()
    assert ada.post("/account/login/", {"login": "ada@x.example", "password": PASSWORD}).status_code == 302
    seen, wrong = 0, {}
    for who in (stranger, ada):
        who.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        for address in own_pages():
            if "logout" in address and who is ada:
                continue
            answer = who.get(address)
            if answer.status_code != 200 or "html" not in answer["Content-Type"]:
                continue
            assert answer["Content-Language"] == language
            seen += 1
            for _tag, words in SAID.findall(answer.content.decode()):
                text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", words)).split())
                if TITLE_CASE.search(re.sub("|".join(NAMES), "", text)):
                    wrong.setdefault(text, address)
    assert seen > 10
    assert wrong == {}
