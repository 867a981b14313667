"""Verbs on invitations: an owner offers a role by mail, the person accepts it once.

The mail is a row of the outbox in the same transaction. Its link opens a page with a button, so that mail scanners do
not use it up; the token is stored as a hash only.
"""

from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.urls import reverse

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.mail import post_mail
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply, arm, cancel

from . import limits
from .commands import add_member, check_role, checked_email, find_or_make_person, hash_of, new_secret
from .errors import AlreadyInvited, AlreadyMember, InvitationGone, SentTooOften, TooMany
from .lifecycle import INVITATION
from .models import Invitation, Member

SQL = Statements(__file__)
KIND = INVITATION.name
EXPIRE = "expire"


def invite(tenant: int, email: str, role: str) -> Invitation:
    """Mail a person the offer to join a tenant with a role; it can be accepted for INVITATION_LIFE_HOURS.

    Raises InvalidInput, AlreadyMember, AlreadyInvited or TooMany.
    """
    invitation, token = _create(tenant, email, role)
    _mail(invitation, token)
    return invitation


def resend(invitation: Invitation) -> Invitation:
    """Mail a new link; the old one ends. SentTooOften within the gap, TransitionRefused when it waits no more."""
    _mail(invitation, _renew(invitation))
    return invitation


def admit(tenant: int, email: str, role: str) -> str:
    """The token of an invitation whose link somebody else mails, with what they invite to.

    Empty when none is needed or none can be had: for a member, and where too many wait or were sent.
    """
    try:
        return _create(tenant, email, role)[1]
    except AlreadyInvited:
        waiting = Invitation.objects.get(tenant_id=tenant, email=checked_email(email), state="sent")
        with suppress(SentTooOften):
            return _renew(waiting)
    except (AlreadyMember, TooMany):
        pass
    return ""


def _create(tenant: int, email: str, role: str) -> tuple[Invitation, str]:
    check_role(role)
    email = checked_email(email)
    known = Member.objects.filter(tenant_id=tenant, user__username=email).first()
    if known is not None:
        raise AlreadyMember(email=email, role=known.role)
    if (
        Invitation.objects.filter(tenant_id=tenant, state="sent").exclude(email=email).count()
        >= limits.INVITATIONS_OPEN_MAX_COUNT
    ):
        raise TooMany(limit=limits.INVITATIONS_OPEN_MAX_COUNT, what="invitations that wait")
    token = new_secret()
    row = SQL.one(
        "create_invitation",
        tenant=tenant,
        public_id=new_id("inv"),
        email=email,
        role=role,
        token_hash=hash_of(token),
        actor=current_scope().actor,
        hours=limits.INVITATION_LIFE_HOURS,
    )
    if row is None:
        waiting = Invitation.objects.get(tenant_id=tenant, email=email, state="sent")
        raise AlreadyInvited(email=email, role=waiting.role)
    invitation = Invitation.objects.get(id=row["id"])
    arm(KIND, EXPIRE, [(tenant, invitation.id)], limits.INVITATION_LIFE_HOURS * 3600)
    append_events([NewEvent(tenant, KIND, invitation.id, "send", data={"email": email, "role": role})])
    return invitation, token


def _renew(invitation: Invitation) -> str:
    token = new_secret()
    row = SQL.one(
        "renew_invitation",
        invitation=invitation.id,
        token_hash=hash_of(token),
        hours=limits.INVITATION_LIFE_HOURS,
        sends_max=limits.INVITATION_SENDS_MAX_COUNT,
        gap_s=limits.INVITATION_RESEND_GAP_S,
    )
    invitation.refresh_from_db()
    if row is None:
        if invitation.state != "sent":
            raise INVITATION.refusal("resend", invitation.state)
        raise SentTooOften(sends=invitation.sends, gap_s=limits.INVITATION_RESEND_GAP_S)
    cancel(KIND, [invitation.id], EXPIRE)
    arm(KIND, EXPIRE, [(invitation.tenant_id, invitation.id)], limits.INVITATION_LIFE_HOURS * 3600)
    data = {"email": invitation.email, "role": invitation.role}
    append_events([NewEvent(invitation.tenant_id, KIND, invitation.id, "resend", data=data)])
    return token


def withdraw(invitation: Invitation) -> None:
    """End an invitation before it is accepted. TransitionRefused when it waits no more."""
    end([invitation.id], "withdraw", role="owner", email=invitation.email)


def end(ids: Sequence[int], event: str, *, role: str, strict: bool = True, **data: str) -> None:
    """Move invitations out of `sent` and disarm what waited for them."""
    apply(INVITATION, event, ids, role=role, data=data, changes={"ended_at": clock.business_now()}, strict=strict)
    cancel(KIND, list(ids), EXPIRE)


def accept(tenant: int, invitation: int, token: str, name: str = "", password: str | None = None) -> tuple[User, bool]:
    """Join the tenant by the link's token: (the person, whether they are new here).

    1. Lock the invitation while it can be accepted; a twin finds nothing and gets InvitationGone.
    2. Find or make the person; name and password are taken from a new one only, so that a link in a forwarded mail
       cannot change how somebody signs in. 3. Make them a member. 4. End the invitation. All in one transaction.
    """
    row = SQL.one("lock_invitation", invitation=invitation, token_hash=hash_of(token))
    if row is None:
        raise InvitationGone()
    person, made = find_or_make_person(row["email"], name, password, verified=True)
    # Somebody may have added them in the meantime; their role of now stays then.
    with suppress(AlreadyMember):
        add_member(tenant, row["email"], row["role"])
    end([row["id"]], "accept", role="invitee", email=row["email"], role_offered=row["role"])
    return person, made


def _mail(invitation: Invitation, token: str) -> None:
    account = Tenant.objects.get(id=invitation.tenant_id).name
    inviter = current_scope().actor.partition(":")[2] if current_scope().actor.startswith("user:") else ""
    words = {
        "account": account,
        "inviter": inviter,
        "role": invitation.role,
        "product_name": settings.PRODUCT_NAME,
        "url": settings.SITE_URL + reverse("access_invitation", args=[token]),
        "days": limits.INVITATION_LIFE_HOURS // 24,
    }
    post_mail(
        [invitation.email],
        render_to_string("access/email/invitation_subject.txt", words).strip(),
        render_to_string("access/email/invitation_message.txt", words),
        tenant=invitation.tenant_id,
        dedupe_key=f"invitation:{invitation.id}:{invitation.sends}",
        echoed=(account, inviter, invitation.email),
    )
