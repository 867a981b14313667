"""Verbs of the access room. Each works in the caller's open scope (one transaction) and tells the timeline."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import Error, transaction
from django.utils.translation import gettext

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import ALPHABET, new_id
from pilothouse.kernel.base.scope import WEB_ALIAS, current_scope
from pilothouse.kernel.base.sql import Statements, sqlstate
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply, arm, cancel

from . import limits
from .errors import AlreadyMember, KeysClosed, LastOwner, RevealLinkGone, TooMany
from .lifecycle import API_KEY
from .models import ApiKey, Member, Operator, RevealLink
from .queries import access_key, email_of
from .roles import KEY_PREFIXES, KEY_SCOPES, MEMBER_ROLES, OPERATOR_ROLES, mode_of_prefix

SQL = Statements(__file__)
KEYS_CLOSED_SQLSTATE = "PH005"
LAST_OWNER_SQLSTATE = "PH409"


def hash_of(secret: str) -> str:
    """Lower-case hex of SHA-256 of a raw key or token: `encode(sha256('…'), 'hex')` in SQL."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Forty random characters: the secret part of a key, or a link's token."""
    return "".join(secrets.choice(ALPHABET) for _ in range(limits.KEY_SECRET_CHARACTERS))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= limits.KEY_NAME_MAX_CHARACTERS or "\x00" in name:
        raise InvalidInput(reason=f"A key's name has 1 to {limits.KEY_NAME_MAX_CHARACTERS} characters.")
    return name


def _checked_key(name: str, kind: str, scopes: Sequence[str], rate_limit_per_min: int) -> dict[str, Any]:
    if kind not in KEY_PREFIXES:
        raise InvalidInput(reason=f"A key is one of {', '.join(KEY_PREFIXES)}, not {kind!r}.")
    if not scopes or not set(scopes) <= set(KEY_SCOPES):
        raise InvalidInput(reason=f"A key needs at least one scope of: {', '.join(KEY_SCOPES)}.")
    if not 1 <= rate_limit_per_min <= limits.RATE_LIMIT_MAX_PER_MIN:
        raise InvalidInput(reason=f"A key's limit is 1 to {limits.RATE_LIMIT_MAX_PER_MIN} requests a minute.")
    return {
        "name": _checked_name(name),
        "kind": kind,
        "scopes": sorted(set(scopes)),
        "rate_limit_per_min": rate_limit_per_min,
    }


def issue_key(
    tenant: int,
    name: str,
    kind: str = "pilot",
    scopes: Sequence[str] = KEY_SCOPES,
    rate_limit_per_min: int = limits.RATE_LIMIT_DEFAULT_PER_MIN,
) -> tuple[ApiKey, str]:
    """Issue an API key: (row, raw key). Only the hash is stored, so the raw key can never be shown again.

    `kind` is pilot, live or test and decides the prefix; a `test` key runs on the zero-value wallet.
    """
    given = _checked_key(name, kind, scopes, rate_limit_per_min)
    if ApiKey.objects.filter(tenant_id=tenant).exclude(state="revoked").count() >= limits.KEYS_PER_TENANT_MAX_COUNT:
        raise TooMany(limit=limits.KEYS_PER_TENANT_MAX_COUNT, what="API keys")
    raw = KEY_PREFIXES[kind] + new_secret()
    with _closed_told():
        row = SQL.one(
            "issue_key",
            public_id=new_id("key"),
            tenant=tenant,
            key_hash=hash_of(raw),
            mode=mode_of_prefix(raw),
            prefix=KEY_PREFIXES[kind],
            last_four=raw[-4:],
            **given,
        )
    if row is None:
        raise InvalidInput(reason="There is no such account.")
    return ApiKey.objects.get(id=row["id"]), raw


@contextmanager
def _closed_told() -> Iterator[None]:
    """Say the wall of a room above, by which an account gets no key yet, as the refusal that it is."""
    try:
        with transaction.atomic(using=current_scope().alias):
            yield
    except Error as error:
        if sqlstate(error) != KEYS_CLOSED_SQLSTATE:
            raise
        diagnostic = getattr(error.__cause__, "diag", None)
        raise KeysClosed(reason=str(diagnostic and diagnostic.message_primary)) from error


def revoke_key(tenant: int, key: str, role: str = "owner", reason: str = "other") -> ApiKey:
    """End a key (by public id) for good; every later call answers 401 at once."""
    row = access_key(tenant, key)
    apply(API_KEY, "revoke", [row.id], role=role, reason=reason)
    row.refresh_from_db()
    return row


def pause_key(tenant: int, key: str) -> ApiKey:
    """Switch a key off; it can be switched on again. Doing it twice is the same as once."""
    return _switch(tenant, key, active=False)


def resume_key(tenant: int, key: str) -> ApiKey:
    """Switch a paused key on again; a revoked one stays revoked (TransitionRefused)."""
    return _switch(tenant, key, active=True)


def _switch(tenant: int, key: str, *, active: bool) -> ApiKey:
    row = access_key(tenant, key)
    if row.state == "revoked":
        raise API_KEY.refusal("resume" if active else "pause", row.state)
    SQL.rows("switch_key", tenant=tenant, key=row.id, active=active)
    row.refresh_from_db()
    return row


def create_reveal_link(
    tenant: int,
    name: str,
    kind: str = "pilot",
    scopes: Sequence[str] = KEY_SCOPES,
    rate_limit_per_min: int = limits.RATE_LIMIT_DEFAULT_PER_MIN,
    *,
    token: str = "",
    sent_to: str = "",
    replaces: ApiKey | None = None,
    overlap_hours: int = 0,
) -> tuple[RevealLink, str]:
    """A link that makes a key when it is opened: (row, token). It works once, for 24 hours of business time.

    The raw key does not exist before, so neither a mail nor this database ever holds it. With a `token` of the
    caller's own the same call again gives the same link. `replaces` is the key that the new one follows: it works on
    for `overlap_hours` from the moment the new one exists.
    """
    given = _checked_key(name, kind, scopes, rate_limit_per_min)
    if not 0 <= overlap_hours <= limits.KEY_OVERLAP_MAX_HOURS:
        raise InvalidInput(reason=f"An old key works on for 0 to {limits.KEY_OVERLAP_MAX_HOURS} hours.")
    if replaces is not None and replaces.state == "revoked":
        raise API_KEY.refusal("rotate", replaces.state)
    token = token or new_secret()
    with _closed_told():
        row = SQL.one(
            "create_reveal_link",
            tenant=tenant,
            public_id=new_id("rev"),
            token_hash=hash_of(token),
            actor=current_scope().actor,
            hours=limits.REVEAL_LINK_LIFE_HOURS,
            sent_to=sent_to,
            replaces=replaces.id if replaces else None,
            overlap_hours=overlap_hours,
            **given,
        )
    if row is None:
        return RevealLink.objects.get(token_hash=hash_of(token)), token
    append_events([NewEvent(tenant, "reveal_link", row["id"], "create", data={**given, "sent_to": sent_to})])
    return RevealLink.objects.get(id=row["id"]), token


def withdraw_reveal_link(tenant: int, link: str) -> None:
    """End a link (by public id) before it is opened; RevealLinkGone when there is nothing to end."""
    row = SQL.one("withdraw_reveal_link", tenant=tenant, link=link)
    if row is None:
        raise RevealLinkGone()
    append_events([NewEvent(tenant, "reveal_link", row["id"], "withdraw")])


def renew_reveal_link(tenant: int, link: str) -> str:
    """A new token for a link (by public id) that was not opened; the one that was mailed no longer opens.

    For a member who may make keys and stands before the link in their account. Raises RevealLinkGone.
    """
    token = new_secret()
    row = SQL.one("renew_reveal_link", tenant=tenant, link=link, token_hash=hash_of(token))
    if row is None:
        raise RevealLinkGone()
    append_events([NewEvent(tenant, "reveal_link", row["id"], "renew")])
    return token


def consume_reveal_link(tenant: int, link: int, token: str) -> tuple[ApiKey, str]:
    """Open a reveal link: (key row, raw key).

    1. Lock the link while it can still be opened; a twin finds nothing and gets RevealLinkGone.
    2. Issue the key. 3. Mark the link with it. 4. Let the key that it follows end now or at its hour. All in one
    transaction: a crash leaves the link good.
    """
    row = SQL.one("lock_reveal_link", link=link, token_hash=hash_of(token))
    if row is None:
        raise RevealLinkGone()
    key, raw = issue_key(tenant, row["name"], row["kind"], row["scopes"], row["rate_limit_per_min"])
    SQL.execute("consume_reveal_link", link=row["id"], key=key.id)
    append_events([NewEvent(tenant, "reveal_link", row["id"], "open", data={"key": key.public_id})])
    if row["replaces"] is not None:
        _end_rotated(tenant, row["replaces"], key, row["overlap_hours"])
    return key, raw


def _end_rotated(tenant: int, old: int, new: ApiKey, overlap_hours: int) -> None:
    if overlap_hours == 0:
        apply(API_KEY, "revoke", [old], role="system", reason="rotated", data={"by": new.public_id}, strict=False)
        return
    row = SQL.one("end_key_later", tenant=tenant, key=old, hours=overlap_hours)
    if row is None:
        return
    cancel("api_key", [old], "retire")
    arm("api_key", "retire", [(tenant, old)], overlap_hours * 3600)
    data = {"by": new.public_id, "ends_at": row["ends_at"].isoformat()}
    append_events([NewEvent(tenant, "api_key", old, "rotate", data=data)])


def set_flag(name: str, value: Any, reason: str, tenant: int | None = None) -> None:
    """Set a named switch for a tenant, or with no tenant for the platform (in an ops or worker scope).

    The same value for the same reason is set once.
    """
    if not 0 < len(name) <= limits.FLAG_NAME_MAX_CHARACTERS:
        raise InvalidInput(reason=f"A flag's name has 1 to {limits.FLAG_NAME_MAX_CHARACTERS} characters.")
    if not 0 < len(reason.strip()) <= limits.REASON_MAX_CHARACTERS:
        raise InvalidInput(reason="Say why, in one sentence: the reason is shown where the flag acts.")
    params = {"name": name, "value": json.dumps(value), "reason": reason.strip(), "actor": current_scope().actor}
    if tenant is None:
        SQL.rows("set_platform_flag", **params)
        return
    row = SQL.one("set_flag", tenant=tenant, **params)
    if row is None:
        return
    append_events(
        [
            NewEvent(
                tenant,
                "flag",
                row["id"],
                "set",
                data={"name": name, "value": value, "reason": reason.strip()},
                visibility="internal",
            )
        ]
    )


def checked_email(email: str) -> str:
    """The address as it is stored: lower case. Raises InvalidInput for one that is none."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(reason=gettext("%(email)s is not a mail address.") % {"email": repr(email)}) from error
    if len(email) > limits.EMAIL_MAX_CHARACTERS:
        raise InvalidInput(reason=f"A mail address has at most {limits.EMAIL_MAX_CHARACTERS} characters here.")
    return email


def ensure_person(email: str, name: str = "", password: str | None = None, *, verified: bool = False) -> User:
    """The user with this address, made when it is not there; see `find_or_make_person`."""
    return find_or_make_person(email, name, password, verified=verified)[0]


def find_or_make_person(
    email: str, name: str = "", password: str | None = None, *, verified: bool = False
) -> tuple[User, bool]:
    """The user with this address, and whether they are new; name and `password` are set only on a new one.

    A new person without a password signs in by link or code, which proves the address; whoever sets a password for
    somebody vouches for it.
    """
    first, _, last = name.strip().partition(" ")
    row = SQL.one(
        "auth_person",
        email=checked_email(email),
        first=first[:150],
        last=last[:150],
        hashed=make_password(password),
        verified=verified,
        vouched=password is not None,
    )
    assert row is not None
    # What is not in the row (the password above all) is read when it is asked for, and then by who may.
    names = [field.attname for field in User._meta.concrete_fields if field.attname in row]
    return User.from_db(WEB_ALIAS, names, [row[name] for name in names]), row["made"]


def add_member(tenant: int, email: str, role: str, name: str = "", password: str | None = None) -> Member:
    """Make a person a member of a tenant; AlreadyMember when they are one."""
    check_role(role)
    if Member.objects.filter(tenant_id=tenant).count() >= limits.MEMBERS_PER_TENANT_MAX_COUNT:
        raise TooMany(limit=limits.MEMBERS_PER_TENANT_MAX_COUNT, what="members")
    person = ensure_person(email, name, password)
    row = SQL.one(
        "add_member",
        tenant=tenant,
        public_id=new_id("mem"),
        person=person.pk,
        role=role,
        actor=current_scope().actor,
    )
    if row is None:
        known = Member.objects.get(tenant_id=tenant, user_id=person.pk)
        raise AlreadyMember(email=person.email, role=known.role)
    append_events([NewEvent(tenant, "member", row["id"], "add", data={"email": person.email, "role": role})])
    member = Member.objects.get(id=row["id"])
    member.user = person
    return member


def set_role(member: Member, role: str) -> Member:
    """Give a member another role; LastOwner when nobody else would own the account."""
    check_role(role)
    member = Member.objects.select_for_update().get(id=member.id)
    if member.role == role:
        return member
    old, member.role = member.role, role
    with _last_owner_told():
        Member.objects.filter(id=member.id).update(role=role)
    data = {"email": email_of(member), "old": old, "role": role}
    append_events([NewEvent(member.tenant_id, "member", member.id, "set_role", data=data)])
    return member


def remove_member(member: Member) -> None:
    """Take a person out of the tenant; what they did stays in the timeline. LastOwner as in `set_role`."""
    email = email_of(member)
    with _last_owner_told():
        Member.objects.filter(id=member.id).delete()
    append_events([NewEvent(member.tenant_id, "member", member.id, "remove", data={"email": email})])


@contextmanager
def _last_owner_told() -> Iterator[None]:
    """A savepoint in which the database's own refusal of a last owner's leaving becomes LastOwner."""
    try:
        with transaction.atomic(using=current_scope().alias):
            yield
    except Error as error:
        if sqlstate(error) == LAST_OWNER_SQLSTATE:
            raise LastOwner() from error
        raise


def check_role(role: str) -> None:
    """Raise InvalidInput for a role that no member can have."""
    if role not in MEMBER_ROLES:
        raise InvalidInput(reason=f"A member's role is one of {', '.join(MEMBER_ROLES)}, not {role!r}.")


def add_operator(email: str, role: str, name: str = "", password: str | None = None) -> Operator:
    """Make a person an operator of the platform, in a worker scope; a known one gets the role given."""
    if role not in OPERATOR_ROLES:
        raise InvalidInput(reason=f"An operator's role is one of {', '.join(OPERATOR_ROLES)}, not {role!r}.")
    person = ensure_person(email, name, password)
    row = SQL.one("add_operator", person=person.pk, role=role)
    assert row is not None
    return Operator.objects.get(id=row["id"])


def prune_usage(days: int = limits.USAGE_KEEP_DAYS) -> int:
    """Delete a chunk of the oldest per-call log, in a worker scope; returns how many rows, 0 when all is done."""
    return SQL.execute("prune_usage", days=days, count=limits.USAGE_PRUNE_CHUNK_ROWS)


def prune_sessions() -> int:
    """Delete the sessions that have ended, in a worker scope; returns how many."""
    SQL.execute("prune_user_sessions", life_s=settings.SESSION_COOKIE_AGE)
    return SQL.execute("prune_sessions")
