"""What operators do by hand at the desk beside granting: take a grant back, and set a flag for every account."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from pilothouse.kernel.access.commands import add_operator, set_flag
from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.ledger import commands
from pilothouse.kernel.ledger.commands import Leg
from pilothouse.kernel.ledger.grants import grant_by_shell
from pilothouse.kernel.ledger.queries import balance, entry_id

pytestmark = pytest.mark.house
PEOPLE = {"first": "operator", "second": "admin", "sam": "support"}


@pytest.fixture(scope="module")
def people(module_house):
    with worker_scope("test"):
        for name, role in PEOPLE.items():
            add_operator(f"{name}@hand.example", role, name.title())
    return module_house


def desk(name: str) -> Client:
    client = Client()
    person = get_user_model().objects.get(email=f"{name}@hand.example")
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def granted(house, amount: int) -> tuple[int, str, str]:
    """A tenant with one grant: (its key, its id, the address at which the grant is taken back)."""
    tenant = house.tenant(f"Account of {amount}")
    with ops_scope("cli"):
        posted = grant_by_shell(tenant.id, amount, "pilot_grant", "Pilot")
        entry = entry_id(tenant.id, posted.journal)
    return tenant.id, tenant.public_id, reverse("desk:grant_reverse", args=[entry])


def available(tenant: int) -> int:
    with tenant_scope(tenant):
        return balance(tenant).available


def test_one_operator_takes_back_what_fits_a_day_and_only_once(shared_house, people):
    tenant, public_id, address = granted(people, 300)
    client = desk("first")
    page = client.get(address).content.decode()
    assert "The grant of 300 credits to Account of 300" in page
    assert "300 credits leave the wallet of Account of 300 at once" in page
    account = reverse("desk:tenant", args=[public_id])
    assert address in client.get(account).content.decode()
    assert client.post(address, {"reason": ""}).status_code == 422
    assert available(tenant) == 300
    answers = [client.post(address, {"reason": "Wrong customer"}, follow=True).content.decode() for _ in range(2)]
    assert "300 credits were taken back." in answers[0]
    assert "nothing was moved twice" in answers[1]
    assert available(tenant) == 0
    after = client.get(account).content.decode()
    assert "taken back" in after
    assert address not in after
    assert "Wrong customer" in after


def test_beyond_a_day_a_second_operator_answers(shared_house, people):
    tenant, _, address = granted(people, 900)
    client = desk("first")
    assert "wait for a second operator; nothing is moved before" in client.get(address).content.decode()
    assert "Nothing was moved yet" in client.post(address, {"reason": "Pilot ended"}, follow=True).content.decode()
    assert available(tenant) == 900
    page = desk("second").get(reverse("desk:grants")).content.decode()
    (approve,) = {part.split('"')[0] for part in page.split('action="')[1:] if "/approve" in part.split('"')[0]}
    client.post(approve)
    assert available(tenant) == 900, "who asked cannot approve"
    desk("second").post(approve)
    assert available(tenant) == 0


def test_spent_credits_are_not_taken_back_and_the_reason_is_kept(shared_house, people):
    tenant, _, address = granted(people, 200)
    with worker_scope("cli"):
        wallet, held = commands.open_accounts(tenant, [("wallet", "", "CREDIT"), ("held", "", "CREDIT")])
        commands.post(
            tenant,
            "reserve:x",
            "reserve",
            [Leg(wallet, held, 150, 1)],
            request={"x": 1},
            ref_type="batch",
            ref_id="bat_1",
        )
    answer = desk("first").post(address, {"reason": "Typed once"})
    assert answer.status_code == 402
    assert "Typed once" in answer.content.decode()


def test_support_changes_nothing_and_an_unknown_entry_is_not_there(shared_house, people):
    _, _, address = granted(people, 10)
    assert desk("sam").get(address).status_code == 403
    assert desk("sam").post(address, {"reason": "x"}).status_code == 403
    assert desk("first").get(reverse("desk:grant_reverse", args=["jrn_x"])).status_code == 404
    assert desk("sam").post(reverse("desk:flags"), {"name": "x", "value": "1", "reason": "y"}).status_code == 403
    assert "Set the flag" not in desk("sam").get(reverse("desk:flags")).content.decode()


def test_a_flag_of_the_platform_holds_for_all_but_those_with_their_own(shared_house, people):
    here, client = reverse("desk:flags"), desk("first")
    assert "No flag is set" in client.get(here).content.decode()
    one, other = people.tenant("One"), people.tenant("Other")
    with tenant_scope(other.id, "operator:test"):
        set_flag("video.fast", "slow", "Asked for it", other.id)
    refused = client.post(here, {"name": "video.fast", "value": "fast", "reason": "Trial"})
    assert refused.status_code == 422
    assert "This is not JSON" in refused.content.decode()
    for _ in range(2):
        said = client.post(here, {"name": "video.fast", "value": '"fast"', "reason": "Trial"}, follow=True)
    assert "The flag video.fast is set for every account." in said.content.decode()
    assert said.content.decode().count("video.fast = ") == 1, "a second click sets nothing again"
    assert "1 account has its own setting." in said.content.decode()
    with tenant_scope(one.id):
        assert flag("video.fast", one.id) == "fast"
    with tenant_scope(other.id):
        assert flag("video.fast", other.id) == "slow"
    page = client.post(here, {"name": "video.fast", "value": "false", "reason": "Trial over"}, follow=True)
    assert page.content.decode().count("in force") == 1
    assert "first@hand.example" in page.content.decode()
    with ops_scope("test"):
        assert flag("video.fast") is False


def test_an_account_is_named_by_its_name_and_never_guessed(shared_house, people):
    one = people.tenant("Larch & <Sons>")
    twins = [people.tenant("Twin Timber"), people.tenant("twin timber")]
    client = desk("first")
    names = reverse("desk:account_names")
    assert client.get(names, {"tenant": "larch &"}).content.decode() == (
        f'<option value="Larch &amp; &lt;Sons&gt;">{one.public_id}</option>'
    )
    assert {f'value="{twin.public_id}"' in client.get(names, {"x": "TWIN"}).content.decode() for twin in twins} == {
        True
    }
    address = reverse("desk:grant_new")
    assert f'hx-get="{names}"' in client.get(address).content.decode()
    asked = {"amount": "7", "source": "adjustment", "description": "By name", "unit": "CREDIT"}
    for words, status, sentence in (
        ("TWIN timber", 409, "Several accounts are called"),
        ("Larch", 404, "No account has this name or id: Larch."),
        ("", 422, "required"),
    ):
        answer = client.post(address, {**asked, "tenant": words})
        assert answer.status_code == status, words
        assert sentence in answer.content.decode(), words
        assert 'aria-invalid="true"' in answer.content.decode().split('name="amount"')[0], "beside the account"
    assert client.post(address, {**asked, "tenant": " larch & <sons> "}).status_code == 302
    assert client.post(address, {**asked, "tenant": twins[1].public_id}).status_code == 302
    assert [available(each.id) for each in (one, *twins)] == [7, 0, 7]
    assert desk("sam").get(names, {"tenant": "larch"}).status_code == 200


def test_a_flag_is_shown_as_the_json_that_was_typed(shared_house, people):
    tenant = people.tenant("Of many flags")
    with tenant_scope(tenant.id, "operator:test"):
        set_flag("shown.as_json", {"bank": "Хаан", "open": True}, "A test", tenant.id)
    page = desk("first").get(reverse("desk:tenant", args=[tenant.public_id])).content.decode()
    assert "{&quot;bank&quot;: &quot;Хаан&quot;, &quot;open&quot;: true}" in page
