"""Errors of the access room."""

from pilothouse.kernel.base.errors import PilothouseError

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class KeysClosed(PilothouseError):
    """No key may be made in this account yet."""

    code = "keys_closed"
    status = 409
    message = "{reason}"


class Unauthenticated(PilothouseError):
    """Base of the errors that answer 401."""

    status = 401

    def __init__(self, **details: object) -> None:
        super().__init__(CHALLENGE, **details)


class SignInNeeded(Unauthenticated):
    """Neither an API key nor a session was sent."""

    code = "sign_in_needed"
    message = "Send your API key as 'Authorization: Bearer ek_…', or sign in."


class InvalidKey(Unauthenticated):
    """No key has this hash."""

    code = "invalid_key"
    message = "This API key is not known. Check that it was copied whole, from its first letter to its last."


class InactiveKey(Unauthenticated):
    """The key is paused or revoked."""

    code = "inactive_key"
    message = "The API key {key} is {state}. Use another key, or ask an owner of your account for a new one."


class RateLimited(PilothouseError):
    """The key has made all the requests that it may make within a minute."""

    code = "rate_limited"
    status = 429
    message = "This API key may make {limit_per_min} requests a minute. Try again in {retry_after_s} s."

    def __init__(self, *, limit_per_min: int, retry_after_s: int) -> None:
        super().__init__({"Retry-After": str(retry_after_s)}, limit_per_min=limit_per_min, retry_after_s=retry_after_s)


class TooManyRequests(RateLimited):
    """A signed-in person has made all the API requests that a session may make within a minute."""

    message = "A signed-in person may make {limit_per_min} requests a minute here. Try again in {retry_after_s} s."


class TooManyExports(RateLimited):
    """The account has made all the exports that it may make within a minute."""

    message = "An account may make {limit_per_min} exports a minute. Try again in {retry_after_s} s."


class MissingScope(PilothouseError):
    """The key is good and may not do this."""

    code = "missing_scope"
    status = 403
    message = "This API key may not do this: it lacks the scope {needed}."


class LiveKeyNeeded(PilothouseError):
    """A test key asks for something that belongs to live work."""

    code = "live_key_needed"
    status = 403
    message = "A test key may not see or change the account's webhooks. Use a live or pilot key, or the page."


class CsrfFailed(PilothouseError):
    """A change was asked for with a session cookie and without the page's own token."""

    code = "csrf_failed"
    status = 403
    message = "The page's token is missing or old. Nothing was done. Load the page again."


class NoMembership(PilothouseError):
    """The person is signed in and belongs to no account."""

    code = "no_membership"
    status = 403
    message = "You are signed in, and not a member of any account yet. Ask an owner to add you."


class LastOwner(PilothouseError):
    """An account keeps at least one owner."""

    code = "last_owner"
    status = 409
    message = "This is the account's last owner. Make someone else an owner first."


class TooMany(PilothouseError):
    """A bounded list is full."""

    code = "too_many"
    status = 409
    message = "An account can have {limit} {what}. Remove one first."


class AlreadyMember(PilothouseError):
    """The person is a member already."""

    code = "already_member"
    status = 409
    message = "{email} is a member already, as {role}."


class RevealLinkGone(PilothouseError):
    """The link was used, has expired, or never was: the three are not told apart."""

    code = "reveal_link_gone"
    status = 410
    message = "This link was used before or has expired. Ask for a new one."


class InvitationGone(PilothouseError):
    """The link was used, withdrawn, sent again, has expired, or never was: they are not told apart."""

    code = "invitation_gone"
    status = 410
    message = "This invitation was used, withdrawn or sent again, or has expired. Ask for a new one."


class AlreadyInvited(PilothouseError):
    """An invitation to this address waits already."""

    code = "already_invited"
    status = 409
    message = "{email} has an invitation that waits already, as {role}. Send it again or withdraw it."


class SentTooOften(PilothouseError):
    """The invitation was mailed a moment ago, or too many times."""

    code = "sent_too_often"
    status = 409
    message = (
        "Nothing was mailed: this invitation left {sends} times, the last time less than {gap_s} s ago or as often as"
        " it may. Wait a minute, or withdraw it and invite again."
    )


class OtherAccount(PilothouseError):
    """A form of one account's page was sent while the person works in another account."""

    code = "other_account"
    status = 409
    message = "This page belongs to {page}; you now work in {here}. Nothing was done."
