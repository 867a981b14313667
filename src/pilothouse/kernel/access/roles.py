"""Who may do what: scopes for keys, and the scopes that follow from a member's role.

One vocabulary serves both, so a command asks `require(principal, "batches:write")` and need not know whether a key
or a person calls.
"""

# What an API key can be given.
KEY_SCOPES = ("batches:read", "batches:write", "ledger:read", "webhooks:write")
# What only people have: a key can never make keys or members.
PEOPLE_SCOPES = ("deals:write", "keys:write", "members:write", "tenant:write", "usage:read")
SCOPES = (*KEY_SCOPES, *PEOPLE_SCOPES)

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "owner": frozenset(SCOPES),
    "engineer": frozenset({*KEY_SCOPES, "keys:write", "usage:read"}),
    "finance": frozenset({"batches:read", "ledger:read"}),
    "creator": frozenset({"batches:read", "batches:write", "ledger:read"}),
    "support": frozenset({"batches:read", "usage:read"}),
    # These act only through what their programs give them.
    "contractor": frozenset(),
    "crew": frozenset(),
    # The two sides of a market; which deals are theirs follows from the deals.
    "buyer": frozenset({"deals:write"}),
    "seller": frozenset({"deals:write"}),
}
MEMBER_ROLES = tuple(sorted(ROLE_SCOPES))
# What an owner can offer on the page of members; the other roles belong to programs.
OFFERED_ROLES = ("owner", "engineer", "finance")
OPERATOR_ROLES = ("admin", "operator", "support")

KEY_PREFIXES = {"pilot": "ek_pilot_", "live": "ek_live_", "test": "ek_test_"}
KEY_KINDS = tuple(sorted(KEY_PREFIXES))
MODES = ("live", "test")


def mode_of_prefix(raw: str) -> str:
    """`test` for `ek_test_` keys, else `live`."""
    return "test" if raw.startswith(KEY_PREFIXES["test"]) else "live"
