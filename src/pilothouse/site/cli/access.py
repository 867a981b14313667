"""`pilothouse tenant|member|operator|key`: who may do what, from the command line of the operator's host."""

from typing import Annotated

import typer

from . import app
from .acting import JsonOption, TenantArgument, account, actor, answering

tenant_app = typer.Typer(no_args_is_help=True, help="Customers' accounts.")
member_app = typer.Typer(no_args_is_help=True, help="People of an account.")
operator_app = typer.Typer(no_args_is_help=True, help="Our own people.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
for name, group in (("tenant", tenant_app), ("member", member_app), ("operator", operator_app), ("key", key_app)):
    app.add_typer(group, name=name)


def _key_of(public_id: str) -> int:
    from pilothouse.kernel.base.scope import worker_scope

    with worker_scope(actor()):
        return account(public_id).id


@tenant_app.command("create")
def tenant_create(
    name: Annotated[str, typer.Argument(help="The company's name.")],
    timezone: Annotated[str, typer.Option(help="Its time zone, for example Europe/Copenhagen.")] = "UTC",
    language: Annotated[str, typer.Option(help="What its people read until they choose: en or mn.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Open an account for a customer."""
    with answering(as_json) as answer:
        from zoneinfo import available_timezones

        from pilothouse.kernel.access.language import check_language
        from pilothouse.kernel.base import clock
        from pilothouse.kernel.base.errors import InvalidInput
        from pilothouse.kernel.base.models import Tenant
        from pilothouse.kernel.base.scope import worker_scope

        if timezone not in available_timezones():
            raise InvalidInput(reason=f"There is no time zone {timezone!r}.")
        if not name.strip():
            raise InvalidInput(reason="An account needs a name.")
        settings = {"language": check_language(language)} if language else {}
        with worker_scope(actor()):
            made = Tenant.objects.create(
                name=name.strip(), timezone=timezone, settings=settings, created_at=clock.now()
            )
        answer.update(tenant=made.public_id, sentence=f"{made.name} has the account {made.public_id}.")


@tenant_app.command("language")
def tenant_language(
    tenant: TenantArgument,
    language: Annotated[str, typer.Argument(help="en or mn.")],
    as_json: JsonOption = False,
) -> None:
    """Say what an account's people read until they choose for themselves."""
    with answering(as_json) as answer:
        from pilothouse.kernel.access.language import speak
        from pilothouse.kernel.base.scope import worker_scope

        key = _key_of(tenant)
        with worker_scope(actor()):
            speak(key, language)
        answer.update(tenant=tenant, language=language, sentence=f"The people of {tenant} read {language} now.")


@tenant_app.command("list")
def tenant_list(as_json: JsonOption = False) -> None:
    """List the accounts, oldest first."""
    with answering(as_json) as answer:
        from pilothouse.kernel.base.models import Tenant
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope(actor()):
            rows = list(Tenant.objects.order_by("id").values("public_id", "name", "timezone", "created_at"))
        lines = [f"{row['public_id']}  {row['name']}  ({row['timezone']})" for row in rows]
        answer.update(
            tenants=rows, sentence="\n".join(lines) or "There is no account yet: pilothouse tenant create NAME"
        )


@tenant_app.command("limits")
def tenant_limits(
    tenant: TenantArgument,
    minimum: Annotated[int, typer.Option("--min", help="Fewest items of a batch.", min=1)] = 10,
    maximum: Annotated[int, typer.Option("--max", help="Most items of a batch.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Set how many items a batch of this account may have; a pilot's are 10 to 50."""
    with answering(as_json) as answer:
        from pilothouse.kernel.base.scope import worker_scope
        from pilothouse.programs.video.commands import set_batch_limits

        key = _key_of(tenant)
        with worker_scope(actor()):
            set_batch_limits(key, minimum, maximum)
        answer.update(
            tenant=tenant, minimum=minimum, maximum=maximum,
            sentence=f"Batches of {tenant} have {minimum} to {maximum} items.",
        )  # fmt: skip


@member_app.command("add")
def member_add(
    tenant: TenantArgument,
    email: Annotated[str, typer.Argument(help="Their mail address; they sign in with a link or code.")],
    role: Annotated[str, typer.Option(help="owner, engineer, finance, support …")] = "engineer",
    invite: Annotated[
        bool, typer.Option("--invite", help="Mail an invitation; they join when they accept it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a person a member of an account at once, or invite them by mail."""
    with answering(as_json) as answer:
        from pilothouse.kernel.access.commands import add_member
        from pilothouse.kernel.access.invitations import invite as send_invitation
        from pilothouse.kernel.base.scope import tenant_scope

        key = _key_of(tenant)
        with tenant_scope(key, actor()):
            (send_invitation if invite else add_member)(key, email, role)
        joined = f"{email} is {role} of {tenant}. No mail was sent: they sign in with a link or code."
        sent = f"An invitation to {tenant} as {role} is on its way to {email}."
        answer.update(tenant=tenant, email=email, role=role, invited=invite, sentence=sent if invite else joined)


@operator_app.command("add")
def operator_add(
    email: Annotated[str, typer.Argument(help="Their mail address.")],
    role: Annotated[str, typer.Option(help="admin, operator or support.")] = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a person an operator of the platform."""
    with answering(as_json) as answer:
        from pilothouse.kernel.access.commands import add_operator
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope(actor()):
            add_operator(email, role)
        answer.update(email=email, role=role, sentence=f"{email} is {role} of the platform.")


@key_app.command("issue")
def key_issue(
    tenant: TenantArgument,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    kind: Annotated[str, typer.Option(help="pilot, live or test.")] = "pilot",
    rate_limit: Annotated[int, typer.Option(help="Requests a minute.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Issue an API key and print it once; only its hash is stored."""
    with answering(as_json) as answer:
        from pilothouse.kernel.access.commands import issue_key
        from pilothouse.kernel.base.models import Tenant
        from pilothouse.kernel.base.scope import tenant_scope

        key = _key_of(tenant)
        with tenant_scope(key, actor()):
            title = name or f"{kind.capitalize()} - {Tenant.objects.get(id=key).name}"
            row, raw = issue_key(key, title, kind, rate_limit_per_min=rate_limit)
        answer.update(
            tenant=tenant, key=raw, key_id=row.public_id, name=title,
            sentence=f"{raw}\nThis is the only time it is shown. It is {title!r}, {rate_limit} requests a minute.",
        )  # fmt: skip


@key_app.command("revoke")
def key_revoke(
    tenant: TenantArgument,
    key: Annotated[str, typer.Argument(help="The key's public id.")],
    as_json: JsonOption = False,
) -> None:
    """End a key for good; the next call with it answers 401."""
    with answering(as_json) as answer:
        from pilothouse.kernel.access.commands import revoke_key
        from pilothouse.kernel.base.scope import tenant_scope

        number = _key_of(tenant)
        with tenant_scope(number, actor()):
            revoke_key(number, key, role="operator")
        answer.update(tenant=tenant, key_id=key, sentence=f"{key} is revoked.")
