"""A cursor tells nobody a row's number, and one tenant's is no other's."""

import pytest

from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.errors import UnknownCursor

pytestmark = pytest.mark.unit


def test_a_cursor_is_opaque_and_bound_to_its_list_and_tenant() -> None:
    cursor = seal_cursor("batches", 7, 123456789)
    assert "123456789" not in cursor
    assert open_cursor("batches", 7, cursor) == 123456789
    assert open_cursor("batches", 7, None) is None
    for what, tenant, given in (
        ("deliveries", 7, cursor),
        ("batches", 8, cursor),
        ("batches", 7, "123456789"),
        ("batches", 7, cursor[:-1]),
    ):
        with pytest.raises(UnknownCursor):
            open_cursor(what, tenant, given)
