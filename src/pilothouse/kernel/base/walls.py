"""What the database enforces, as `migrate` installed it: every rule of the catalogue with a hash of its definition.

`catalogue.py` compares with what the models declare; that finds a wrong grant or policy, but not a CHECK that was
dropped or a function whose body was replaced. So `migrate` records each wall, and `check` compares. Who can rewrite
the walls can rewrite this record as well; it is for what was changed by hand, by mistake or in haste.
"""

from collections.abc import Iterator
from typing import Any

from .sql import Row, Statements, fetch, run

SQL = Statements(__file__)
# Kind, place (a table, or empty), name.
Key = tuple[str, str, str]
SERVER: Key = ("server", "", "PostgreSQL")
THERE = "SELECT to_regclass('public.wall') IS NOT NULL AND to_regclass('public.house') IS NOT NULL AS there"
RECORDED = "SELECT kind, place, name, digest FROM public.wall"


def changed_walls() -> list[str]:
    """One sentence for each wall that is not what `migrate` installed, in the open scope; empty when all stand."""
    (before,) = run("SELECT current_setting('search_path') AS path")
    run("SELECT set_config('search_path', '', true)")
    now = SQL.rows("walls")
    run("SELECT set_config('search_path', %s, true)", [before["path"]])
    return list(_differences(by_key(run(RECORDED)), now))


def _differences(recorded: dict[Key, str], now: list[Row]) -> Iterator[str]:
    if not recorded:
        yield "No walls are recorded: run `pilothouse migrate`."
        return
    found = by_key(now)
    harmless = {_key(row) for row in now if row["harmless_extra"]}
    for key in sorted(recorded.keys() | found.keys()):
        if key not in found:
            yield f"{_words(key)} is missing."
        elif key not in recorded:
            if key not in harmless:
                yield f"{_words(key)} was added by hand."
        elif recorded[key] != found[key]:
            yield f"{_words(key)} is not what was installed."


def _words(key: Key) -> str:
    kind, place, name = key
    return f"The {kind} {name}" + (f" on {place}" if place else "")


def _key(row: Row) -> Key:
    return (row["kind"], row["place"], row["name"])


def by_key(rows: list[Row]) -> dict[Key, str]:
    """Digests by (kind, place, name)."""
    return {_key(row): row["digest"] for row in rows}


def recorded_walls(cursor: Any) -> dict[Key, str]:
    """What the last `migrate` recorded; empty in a new database."""
    cursor.execute(THERE)
    if not fetch(cursor)[0]["there"]:
        return {}
    cursor.execute(RECORDED)
    return by_key(fetch(cursor))


def standing_walls(cursor: Any) -> dict[Key, str]:
    """What stands now, as the owner sees it."""
    cursor.execute("SELECT current_setting('search_path') AS path")
    path = fetch(cursor)[0]["path"]
    cursor.execute("SELECT set_config('search_path', '', true)")
    cursor.execute(SQL.text("walls"), {})
    rows = fetch(cursor)
    cursor.execute("SELECT set_config('search_path', %s, true)", [path])
    return by_key(rows)


def record_walls(cursor: Any, recorded: dict[Key, str], before: dict[Key, str]) -> None:
    """Record what stands after a migration, which found `before` and an older record.

    A wall that somebody had changed, and that the migration left as it was, keeps its old record: a migration does not
    make a change by hand lawful. Another major version of PostgreSQL may write definitions in other words, so it
    begins a new record.
    """
    now = standing_walls(cursor)
    if recorded and recorded.get(SERVER) == now[SERVER]:
        for key in recorded.keys() | before.keys():
            if recorded.get(key) != before.get(key) == now.get(key):
                now.pop(key, None)
                if key in recorded:
                    now[key] = recorded[key]
    cursor.execute("DELETE FROM public.wall")
    rows = [(*key, digest) for key, digest in sorted(now.items())]
    cursor.execute(
        "INSERT INTO public.wall (kind, place, name, digest) SELECT * FROM "
        "unnest(%s::text[], %s::text[], %s::text[], %s::text[])",
        [list(column) for column in zip(*rows, strict=True)],
    )
