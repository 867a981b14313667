"""Every SQL statement of the source documents runs as written, with only its placeholder ids replaced."""

import re
from pathlib import Path

import psycopg
import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger import commands
from pilothouse.kernel.ledger.limits import GRANT_ONE_PERSON_MAX_CREDITS
from pilothouse.kernel.ledger.queries import balance

# The fenced blocks of the source documents that hold SQL, in their order, character for character.
BRIEF = Path(__file__).parent / "source"
pytestmark = pytest.mark.house
FENCE = re.compile(r"```(sql|bash)\n(.*?)```", re.DOTALL)
STATEMENT = re.compile(r"^(?:SELECT|INSERT|UPDATE)\b.*?;", re.DOTALL | re.MULTILINE)


def blocks() -> list[str]:
    """The text of each fenced block that holds SQL, in the order of the documents, shell comments left out."""
    found = []
    for path in sorted(BRIEF.glob("*.md")):
        for language, text in FENCE.findall(path.read_text(encoding="utf-8", errors="replace")):
            statements = STATEMENT.findall(text)
            if statements:
                found.append(text if language == "sql" else "\n".join(statements))
    return found


BLOCKS = blocks()
GRANT_BLOCK = next((text for text in BLOCKS if "INSERT INTO credit_ledger" in text), "")
INSERT, UPDATE = STATEMENT.findall(GRANT_BLOCK) if GRANT_BLOCK else ("", "")
LOGINS = ["ph_ops", "postgres"]


class Desk:
    """An SQL editor: sends a text as one message, which is one transaction."""

    def __init__(self, house, login):
        self.connection = house.connect("ph_web" if login == "ph_ops" else login)
        if login == "ph_ops":
            self.connection.execute("SET ROLE ph_ops")
        self.notices = []
        self.connection.add_notice_handler(lambda notice: self.notices.append(notice.message_primary))

    def send(self, text):
        """Send `text` verbatim (no parameters, so that several statements may stand in it); rows of the last one."""
        result = self.connection.execute(text.encode())
        while result.nextset():
            pass
        return result.fetchall() if result.description else []

    def wallet(self, tenant):
        """The wallet as the source's table shows it."""
        return self.send(f"SELECT permanent_credits FROM credit_wallet WHERE user_id = '{tenant.public_id}'")[0][0]


@pytest.fixture(params=LOGINS)
def desk(house, request):
    desk = Desk(house, request.param)
    yield desk
    desk.connection.close()


def fill(text, tenant, batch="bat_none"):
    """The text with its two placeholders replaced."""
    return text.replace("pilot-customer-uuid", tenant.public_id).replace("batch-id-xxx", batch)


def test_the_documents_hold_the_statements_that_we_know():
    tables = re.findall(r"(?:FROM|INTO|^UPDATE) (\w+)", "\n".join(BLOCKS), re.MULTILINE)
    assert sorted(tables) == sorted(
        ["enterprise_api_keys"] * 2 + ["credit_ledger"] * 2 + ["credit_wallet"] * 2 + ["batch_jobs"] * 2
    )


@pytest.mark.tamper
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_block_runs_as_written_in_one_message(house, desk, number):
    desk.send(fill(BLOCKS[number], house.tenant()))


@pytest.mark.tamper
def test_step_two_in_one_message_grants_once(house, desk):
    tenant = house.tenant()
    desk.send(fill(GRANT_BLOCK, tenant))
    assert desk.wallet(tenant) == 100
    assert desk.notices == [
        f"the ledger has already raised the wallet of {tenant.public_id} by 100; nothing more to do"
    ]
    with pytest.raises(psycopg.Error, match="already posted") as refused:
        desk.send(fill(GRANT_BLOCK, tenant))
    assert refused.value.sqlstate == "PH409"
    assert desk.wallet(tenant) == 100
    with worker_scope():
        # The command knows the script's grant: the same one is replayed, not doubled.
        assert commands.grant(tenant.id, 100, "pilot_grant", "Enterprise Pilot - CompanyName").replayed
        assert balance(tenant.id).available == 100


@pytest.mark.tamper
def test_step_two_statement_by_statement_grants_once(house, desk):
    tenant = house.tenant()
    desk.send(fill(INSERT, tenant))
    with pytest.raises(psycopg.Error, match="follows from the ledger") as refused:
        desk.send(fill(UPDATE, tenant))
    assert refused.value.sqlstate == "PH409"
    assert "INSERT INTO credit_ledger" in refused.value.diag.message_hint
    assert desk.wallet(tenant) == 100


@pytest.mark.tamper
@pytest.mark.parametrize(
    "update",
    [
        "UPDATE credit_wallet SET permanent_credits = 1000000 WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits + 99 WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits - 100 WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = NULL WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits + 100, user_id = 'x' WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits + 100 WHERE user_id = '{id}';"
        "UPDATE credit_wallet SET permanent_credits = permanent_credits + 100 WHERE user_id = '{id}'",
        "UPDATE credit_wallet SET permanent_credits = permanent_credits + 100 WHERE user_id <> '{id}'",
    ],
)
def test_a_forged_update_is_refused_even_beside_a_grant(house, desk, update):
    tenant, other = house.tenant(), house.tenant("Other")
    with pytest.raises(psycopg.Error) as refused:
        desk.send(fill(INSERT, tenant) + update.format(id=tenant.public_id))
    assert refused.value.sqlstate == "PH409"
    assert (desk.wallet(tenant), desk.wallet(other)) == (0, 0)


@pytest.mark.tamper
def test_two_grants_in_one_message(house, desk):
    tenant = house.tenant()
    second_insert = INSERT.replace("CompanyName", "Second")
    desk.send(fill(INSERT + UPDATE + second_insert + UPDATE, tenant))
    assert desk.wallet(tenant) == 200
    third, fourth = INSERT.replace("CompanyName", "Third"), INSERT.replace("CompanyName", "Fourth")
    desk.send(fill(third + fourth + UPDATE.replace("+ 100", "+ 200"), tenant))
    assert desk.wallet(tenant) == 400
    assert len(desk.notices) == 3


@pytest.mark.tamper
@pytest.mark.parametrize(
    ("change", "state"),
    [
        (("'add'", "'settle'"), "PH003"),
        (("'pilot_grant'", "'batch'"), "PH003"),
        (("100", "0"), "PH003"),
        (("100", "-100"), "PH003"),
        (("100", str(GRANT_ONE_PERSON_MAX_CREDITS + 1)), "PH003"),
        (("100", "NULL"), "PH003"),
        (("'Enterprise Pilot - CompanyName'", "NULL"), "PH003"),
        (("'pilot-customer-uuid'", "'nobody'"), "PH404"),
        (("'pilot-customer-uuid'", "NULL"), "PH404"),
    ],
)
def test_what_is_no_grant_is_refused(house, desk, change, state):
    tenant = house.tenant()
    with pytest.raises(psycopg.Error) as refused:
        desk.send(fill(INSERT.replace(*change), tenant))
    assert refused.value.sqlstate == state
    assert desk.wallet(tenant) == 0


@pytest.mark.tamper
def test_the_largest_grant_of_one_person_passes(house, desk):
    tenant = house.tenant()
    desk.send(fill(INSERT.replace("100", str(GRANT_ONE_PERSON_MAX_CREDITS)), tenant))
    assert desk.wallet(tenant) == GRANT_ONE_PERSON_MAX_CREDITS


def test_other_roles_cannot_write_the_views(house):
    tenant = house.tenant()
    for role in ("ph_app", "ph_worker"):
        with house.connect("ph_web" if role == "ph_app" else role) as connection:
            connection.execute(
                f"SELECT set_config('role', '{role}', false), set_config('app.tenant', '{tenant.id}', false)"
            )
            for statement in (INSERT, UPDATE):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(fill(statement, tenant).encode())
            for call in ("credit_ledger_insert()", "credit_wallet_update()"):
                with pytest.raises(psycopg.Error):
                    connection.execute(f"SELECT {call}".encode())


@pytest.mark.tamper
def test_a_shadowed_search_path_reaches_nothing(house):
    """The trigger functions run as the ledger's role: tables of the caller must not be able to stand in."""
    shadow = "CREATE TEMP TABLE account (id bigint, tenant bigint, kind text, ref text, unit text)"
    tenant = house.tenant()
    desk = Desk(house, "ph_ops")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.send(shadow)
    desk.connection.close()
    editor = Desk(house, "postgres")
    editor.send(shadow)
    editor.send("SET search_path = pg_temp, public")
    editor.send(fill(INSERT, tenant))
    editor.connection.close()
    with house.connect("ph_worker") as connection:
        assert connection.execute("SELECT count(*) FROM transfer WHERE tenant = %s", [tenant.id]).fetchone() == (1,)


def test_a_tenant_sees_its_own_rows_only(house):
    mine, theirs = house.tenant(), house.tenant("Other")
    desk = Desk(house, "ph_ops")
    for tenant in (mine, theirs):
        desk.send(fill(GRANT_BLOCK, tenant))
    desk.connection.close()
    with house.connect("ph_web") as connection:
        connection.execute(f"SELECT set_config('role', 'ph_app', false), set_config('app.tenant', '{mine.id}', false)")
        for view in ("credit_ledger", "credit_wallet"):
            assert connection.execute(f"SELECT user_id FROM {view}").fetchall() == [(mine.public_id,)]


def test_a_grant_with_any_text_has_the_commands_hash(house):
    tenant = house.tenant()
    desk = Desk(house, "ph_ops")
    text = 'Pilot "Ödön" \\ / \u2028 \t\x1f é — 🟢'
    desk.connection.execute(
        "INSERT INTO credit_ledger (user_id, type, ref_type, credits_delta, description) "
        "VALUES (%s, 'add', 'purchase', 7, %s)",
        [tenant.public_id, text],
    )
    desk.connection.close()
    with worker_scope():
        assert commands.grant(tenant.id, 7, "purchase", text).replayed
