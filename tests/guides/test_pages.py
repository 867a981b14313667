"""The guides as pages: everyone reads them, playbooks check the reader's own account, operators alone read theirs."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.outbox.commands import abort, send_test
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.site import guides
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house
EVERYONE = [*guides.GUIDES, *guides.PLAYBOOKS]
PASSWORD = "a-long-enough-password"


@pytest.fixture(scope="module")
def accounts(module_house) -> dict[str, Any]:
    from django.contrib.auth import get_user_model

    def people(name: str, domain: str) -> Any:
        tenant = module_house.tenant(name)
        with tenant_scope(tenant.id, "test"):
            for role in ("owner", "finance"):
                access.add_member(tenant.id, f"{role}@{domain}", role, password=PASSWORD)
        return tenant

    seed()
    found = {"ours": people("Northwind", "northwind.example"), "theirs": people("Southgate", "southgate.example")}
    with worker_scope("test"):
        access.add_operator("otto@pilothouse.example", "operator", password=PASSWORD)
    with tenant_scope(found["theirs"].id, "test"):
        access.issue_key(found["theirs"].id, "Their secret project", "pilot")
    return {**found, "people": get_user_model().objects}


@pytest.fixture
def read(shared_house, accounts):
    """Read a page as somebody; checks that it is a page, and gives its text."""

    def get(url: str, who: str = "", status: int = 200) -> str:
        client = Client()
        if who:
            person = accounts["people"].get(email=who)
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.get(url)
        assert answer.status_code == status, answer.content[:500]
        return answer.content.decode()

    return get


def marks(page: str) -> list[tuple[str, str]]:
    """(verdict, claim) of each check on a page."""
    found = re.findall(r'proof-mark" role="img" aria-label="([^"]+)">.*?</span>\s*<span>([^<]*)', page, re.DOTALL)
    return [(verdict, html.unescape(claim).strip()) for verdict, claim in found]


@pytest.mark.parametrize("guide", EVERYONE, ids=lambda guide: guide.slug)
def test_everyone_reads_the_guides(guide, read) -> None:
    page = read(guide.url)
    assert f"<h1>{guide.title}</h1>" in page
    assert "{{" not in page
    assert marks(page) == []
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page
    for url in set(re.findall(r'href="(/docs/[^"#]*)', page)):
        read(url)


def test_the_products_name_and_address_are_the_houses(read) -> None:
    guides.rendered_guide.cache_clear()
    with override_settings(PRODUCT_NAME="Clipworks", SITE_URL="https://clips.example.com"):
        page = read("/docs/enterprise")
    assert "Clipworks makes them" in page
    assert "https://clips.example.com/openapi.json" in page
    assert "Sora2" not in page.replace("sora2aivideos.com", "")


def test_an_unknown_guide_is_missing_and_the_root_leads_to_the_first(read) -> None:
    for url in ("/docs/nothing", "/docs/playbooks/nothing", "/docs/../settings", "/docs/README"):
        read(url, status=404)
    assert Client().get("/docs/")["Location"] == "/docs/enterprise"


def test_only_operators_read_how_the_house_is_run(read) -> None:
    read("/docs/operations", status=302)
    read("/docs/operations", "owner@northwind.example", status=404)
    page = read("/docs/operations", "otto@pilothouse.example")
    assert "VEO_MODEL" in page
    assert 'href="/docs/operations"' in page
    assert 'href="/docs/operations"' not in read("/docs/enterprise", "owner@northwind.example")


@pytest.mark.parametrize("guide", guides.OPERATORS, ids=lambda guide: guide.slug)
def test_what_an_operators_guide_names_is_there_for_an_operator(guide, read) -> None:
    page = read(guide.url, "otto@pilothouse.example")
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page
    for url in set(re.findall(r'href="(/docs/[^"#]*)', page)):
        read(url, "otto@pilothouse.example")
    assert re.findall(r'href="\.[^"]*', page) == [], "it leads to a file that no house serves"


def test_a_stranger_is_asked_to_sign_in_for_the_checks(read) -> None:
    page = read("/docs/playbooks/key")
    assert f'href="{reverse("account_login")}?next=/docs/playbooks/key"' in page


def test_the_key_playbook_follows_the_account(read, accounts) -> None:
    ours, owner = accounts["ours"], "owner@northwind.example"
    url = "/docs/playbooks/key"
    before = marks(read(url, owner))
    assert [verdict for verdict, _ in before] == ["not met", "not met", "not met", "not enough data"]
    with tenant_scope(ours.id, "test"):
        row, raw = access.issue_key(ours.id, "Ingest", "pilot")
    for key, status in ((raw, 200), (raw, 200)):
        assert Client().get("/v1/credits/balance", headers={"Authorization": f"Bearer {key}"}).status_code == status
    USAGE.flush()
    page = read(url, owner)
    assert [verdict for verdict, _ in marks(page)] == ["proven"] * 4
    assert "Ingest" in page
    assert "Their secret project" not in page
    with tenant_scope(ours.id, "test"):
        access.revoke_key(ours.id, row.public_id)
    assert Client().get("/v1/credits/balance", headers={"Authorization": f"Bearer {raw}"}).status_code == 401
    USAGE.flush()
    after = marks(read(url, owner))
    assert [verdict for verdict, _ in after] == ["not met", "not met", "proven", "not met"]


def test_a_role_that_may_not_read_the_rows_is_told_so(read) -> None:
    page = read("/docs/playbooks/key", "finance@northwind.example")
    assert [verdict for verdict, _ in marks(page)] == ["not enough data"]
    assert "Your role does not show this" in page


def test_the_credits_playbook_follows_the_wallet(read, accounts) -> None:
    url, who = "/docs/playbooks/credits", "finance@northwind.example"
    assert next(verdict for verdict, _ in marks(read(url, who))) == "not met"
    with worker_scope("test"):
        grant(accounts["ours"].id, 100, "pilot_grant", "Enterprise Pilot - Northwind")
    page = read(url, who)
    assert [verdict for verdict, _ in marks(page)] == ["proven"] * 3
    assert "Enterprise Pilot" not in read(url, "finance@southgate.example")


def test_the_webhook_playbook_follows_endpoints_and_deliveries(read, accounts) -> None:
    url, who, ours = "/docs/playbooks/webhook", "owner@northwind.example", accounts["ours"]
    assert [v for v, _ in marks(read(url, who))] == ["not enough data", "not met", "not enough data", "proven"]
    with override_settings(WEBHOOK_ALLOW_LOCAL=True), tenant_scope(ours.id, "test"):
        made = create_endpoint("http://127.0.0.1:9/gpt-hook", "")
        delivery = send_test(made.endpoint.public_id)
    page = read(url, who)
    assert [v for v, _ in marks(page)] == ["not enough data", "proven", "not enough data", "proven"]
    assert "127.0.0.1:9/gpt-hook" in page  # the customer's own words are never held against the page
    with tenant_scope(ours.id, "test"):
        abort([delivery.public_id])
    assert [v for v, _ in marks(read(url, who))][2:] == ["not met", "not met"]


def test_an_installed_package_carries_the_texts() -> None:
    root = Path(__file__).resolve().parents[2]
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    for one in (*guides.GUIDES, *guides.OPERATORS):
        assert f'"docs/{one.slug}.md" = "pilothouse/site/{guides.INSTALLED.name}/{one.slug}.md"' in project
    assert f'"docs/playbooks" = "pilothouse/site/{guides.INSTALLED.name}/playbooks"' in project
    assert "COPY docs docs" in (root / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("# Title\n\n## A\n\n## A", '<h2 id="a">A</h2>\n<h2 id="a-2">'),
        ("[x](webhooks.md#verify)", 'href="/docs/webhooks#verify"'),
        ("[x](../finance.md)", 'href="/docs/finance"'),
        ("[x](../tests/ledger/test_races.py) y", '<span title="tests/ledger/test_races.py">x</span> y'),
        ("[x](https://example.com/a.md)", 'href="https://example.com/a.md"'),
        ('```sh\necho "<a>"\n```', 'data-copy="echo &quot;&lt;a&gt;&quot;\n"'),
        ("| a |\n|---|\n| b |", '<div class="guide-table" tabindex="0"><table>'),
    ],
)
def test_markdown_becomes_safe_pages(text, expected) -> None:
    assert expected in guides.render_markdown(text).body
