"""The tables of the access room. The columns of `enterprise_api_keys` are the source's own, and more."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from pilothouse.kernel.base.models import HouseModel, TenantModel

from .lifecycle import API_KEY, INVITATION
from .limits import RATE_LIMIT_DEFAULT_PER_MIN, RATE_LIMIT_MAX_PER_MIN
from .roles import KEY_KINDS, KEY_SCOPES, MEMBER_ROLES, MODES, OPERATOR_ROLES


class Member(TenantModel):
    """A person in a tenant, with one role. The last owner can neither leave nor step down (a trigger)."""

    mutable = ("role",)
    deletable = True

    public_id = models.TextField(unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.TextField()
    added_at = models.DateTimeField()
    added_by = models.TextField(default="", db_default="")

    class Meta:
        db_table = "member"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="member_once"),
            models.CheckConstraint(name="member_role_known", condition=models.Q(role__in=sorted(MEMBER_ROLES))),
        ]


class Operator(HouseModel):
    """A person of the platform. Only the command line makes one: no page can."""

    table_class = "platform"
    mutable = ("role",)
    deletable = True
    writers = ("ph_worker",)

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.TextField()
    added_at = models.DateTimeField()

    class Meta:
        db_table = "operator"
        constraints = [
            models.CheckConstraint(name="operator_role_known", condition=models.Q(role__in=sorted(OPERATOR_ROLES)))
        ]


class PersonLanguage(HouseModel):
    """The language that a person chose to read in; it goes with them through all their accounts."""

    table_class = "system"

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    language = models.TextField()

    class Meta:
        db_table = "person_language"


class ApiKey(TenantModel):
    """A hashed secret bound to a tenant. `user_id` is the tenant's public id, as the source names it.

    What an INSERT leaves out is filled in by a trigger, so the source's SQL runs as written. `prefix` and `last_four`
    are for display; a key inserted by SQL has no `last_four`, because nobody told us the raw key.
    """

    mutable = ("name", "rate_limit_per_min", "is_active", "state", "scopes", "last_used_at", "revoked_at", "ends_at")
    writers = ("ph_app", "ph_ops", "ph_worker")
    # The first use moves the key on and every flush of the usage log says when it was last used.
    grants = ("GRANT UPDATE (state, last_used_at) ON enterprise_api_keys TO ph_gate",)

    public_id = models.TextField(unique=True)
    user_id = models.TextField()
    key_hash = models.TextField(unique=True)
    name = models.TextField()
    kind = models.TextField(default="pilot", db_default="pilot")
    mode = models.TextField(default="live", db_default="live")
    prefix = models.TextField(default="", db_default="")
    last_four = models.TextField(default="", db_default="")
    scopes = ArrayField(models.TextField())
    rate_limit_per_min = models.IntegerField(default=RATE_LIMIT_DEFAULT_PER_MIN, db_default=RATE_LIMIT_DEFAULT_PER_MIN)
    is_active = models.BooleanField(default=True, db_default=True)
    state = models.TextField(default="revealed_once", db_default="revealed_once")
    created_at = models.DateTimeField()
    created_by = models.TextField(default="", db_default="")
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # A key that was rotated works until then beside the new one.
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "enterprise_api_keys"
        constraints = [
            API_KEY.check("api_key_state_known"),
            models.CheckConstraint(name="api_key_hash_is_sha256", condition=models.Q(key_hash__regex="^[0-9a-f]{64}$")),
            models.CheckConstraint(name="api_key_named", condition=~models.Q(name="")),
            models.CheckConstraint(name="api_key_mode_known", condition=models.Q(mode__in=sorted(MODES))),
            models.CheckConstraint(name="api_key_kind_known", condition=models.Q(kind__in=sorted(KEY_KINDS))),
            models.CheckConstraint(
                name="api_key_scopes_known", condition=models.Q(scopes__contained_by=sorted(KEY_SCOPES))
            ),
            models.CheckConstraint(
                name="api_key_rate_limit_range",
                condition=models.Q(rate_limit_per_min__gte=1, rate_limit_per_min__lte=RATE_LIMIT_MAX_PER_MIN),
            ),
            models.CheckConstraint(
                name="api_key_revoked_is_off",
                condition=~models.Q(state="revoked") | models.Q(is_active=False, revoked_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="api_key_newest")]

    @property
    def hint(self) -> str:
        """What may be shown of the key: `ek_pilot_…7f3a`."""
        return f"{self.prefix}…{self.last_four}"


class RateWindow(HouseModel):
    """The accepted requests of one key within the last minute; the row's id is the key's.

    Unlogged (the schema SQL says so): a crash forgets at most a minute of counting. Written by `auth_key` only.
    """

    table_class = "platform"
    writers = ()
    grants = ("GRANT INSERT, UPDATE, DELETE ON api_rate TO ph_gate",)

    id = models.BigIntegerField(primary_key=True)
    at = ArrayField(models.BigIntegerField())
    n = ArrayField(models.IntegerField())

    class Meta:
        db_table = "api_rate"


class Flag(TenantModel):
    """One setting of a named switch for one tenant. Append-only: the newest row counts, the older ones are history."""

    writers = ("ph_app", "ph_ops", "ph_worker")

    name = models.TextField()
    value = models.JSONField()
    reason = models.TextField()
    set_at = models.DateTimeField()
    set_by = models.TextField()

    class Meta:
        db_table = "flag"
        indexes = [models.Index(fields=["tenant", "name", "-id"], name="flag_newest")]


class PlatformFlag(HouseModel):
    """The same for the whole platform; a tenant's own flag goes before it."""

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")
    read_by_tenants = True

    name = models.TextField()
    value = models.JSONField()
    reason = models.TextField()
    set_at = models.DateTimeField()
    set_by = models.TextField()

    class Meta:
        db_table = "platform_flag"
        indexes = [models.Index(fields=["name", "-id"], name="platform_flag_newest")]


class ApiUsage(TenantModel):
    """One API call, with the address's path template (never its values) and a keyed hash of the caller's address.

    `key` is empty for a call made with a session. Written in batches by `log_api_usage`; references are checked there.
    """

    writers = ("ph_worker",)
    deletable = True
    grants = ("GRANT INSERT ON api_usage TO ph_gate",)

    key = models.BigIntegerField(null=True)
    actor = models.TextField()
    at = models.DateTimeField()
    method = models.TextField()
    path = models.TextField()
    status = models.SmallIntegerField()
    milliseconds = models.IntegerField()
    request_id = models.TextField()
    ip_hash = models.TextField()

    class Meta:
        db_table = "api_usage"
        indexes = [
            models.Index(fields=["tenant", "-id"], name="api_usage_newest"),
            models.Index(fields=["at"], name="api_usage_by_time"),
            models.Index(fields=["key", "-at"], condition=models.Q(key__isnull=False), name="api_usage_of_key"),
        ]


class RevealLink(TenantModel):
    """A one-time link from which a key is born.

    The raw key exists nowhere until the link is opened: the row holds what the key will be, and the hash of the
    link's token. Opening it makes the key and shows it, once.
    """

    # An operator makes the link of a pilot's key in the transaction that activates the pilot.
    writers = ("ph_app", "ph_ops", "ph_worker")
    mutable = ("consumed_at", "key", "expires_at", "token_hash")

    public_id = models.TextField(unique=True)
    token_hash = models.TextField(unique=True)
    name = models.TextField()
    kind = models.TextField()
    scopes = ArrayField(models.TextField())
    rate_limit_per_min = models.IntegerField()
    created_at = models.DateTimeField()
    created_by = models.TextField()
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    key = models.BigIntegerField(null=True)
    # Whom the link was mailed to; empty for the one who made it.
    sent_to = models.TextField(default="", db_default="")
    # The key that the new one follows, and for how many hours it goes on working beside it.
    replaces = models.BigIntegerField(null=True)
    overlap_hours = models.IntegerField(default=0, db_default=0)

    class Meta:
        db_table = "reveal_link"
        constraints = [
            models.CheckConstraint(
                name="reveal_link_whole",
                condition=models.Q(consumed_at__isnull=True, key__isnull=True)
                | models.Q(consumed_at__isnull=False, key__isnull=False),
            )
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="reveal_link_newest")]


class Invitation(TenantModel):
    """A mailed offer to join the tenant with a role. The link's token is stored as a hash only.

    One waits at most for each address of a tenant; sending it again makes a new link and ends the old one.
    """

    mutable = ("state", "token_hash", "expires_at", "last_sent_at", "sends", "ended_at")

    public_id = models.TextField(unique=True)
    email = models.TextField()
    role = models.TextField()
    state = models.TextField(default="sent")
    token_hash = models.TextField(unique=True)
    created_at = models.DateTimeField()
    created_by = models.TextField()
    last_sent_at = models.DateTimeField()
    sends = models.IntegerField(default=1)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "invitation"
        constraints = [
            INVITATION.check("invitation_state_known"),
            models.CheckConstraint(name="invitation_role_known", condition=models.Q(role__in=sorted(MEMBER_ROLES))),
            models.CheckConstraint(
                name="invitation_ends_once",
                condition=models.Q(state="sent", ended_at__isnull=True)
                | (~models.Q(state="sent") & models.Q(ended_at__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["tenant", "email"], condition=models.Q(state="sent"), name="invitation_waits_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="invitation_newest")]
