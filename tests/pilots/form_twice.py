"""A form pressed twice: as the page drew it, by one browser, the second time from the same stale page."""

import html
import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run

# What every request writes, whatever it asks for: who looked, who is signed in, and how often something was refused.
OF_THE_REQUEST = ("ops_access", "django_session", "usersessions_usersession", "error_group", "error_hour")


class Forms(HTMLParser):
    """The forms of a page: where each is sent to, and what it would send as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, list[str]]]] = []
        self.select = self.area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        name = told.get("name", "")
        if tag == "form":
            self.found.append((told.get("action", ""), {}))
        elif tag == "select":
            self.select = name
        elif tag == "textarea":
            self.area = name
            self._give(name, "")
        elif tag == "option" and "selected" in told:
            self._give(self.select, told.get("value", ""))
        elif tag == "input" and (told.get("type") not in ("checkbox", "radio", "file") or "checked" in told):
            self._give(name, told.get("value", "on" if told.get("type") in ("checkbox", "radio") else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[-1][1][self.area] = [data.removeprefix("\n")]

    def _give(self, name: str, value: str) -> None:
        if self.found and name:
            self.found[-1][1].setdefault(name, []).append(value)


def written() -> dict[str, str]:
    """Every table that a worker may read, but those of the requests themselves, as a hash of all its rows."""
    with worker_scope("test"):
        tables = run(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(oid, 'SELECT') AND relname <> ALL (%s) ORDER BY relname", [list(OF_THE_REQUEST)],
        )  # fmt: skip
        parts = [
            f"SELECT '{row['relname']}' AS name, md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) AS hash"
            f' FROM "{row["relname"]}" AS t'
            for row in tables
        ]
        return {row["name"]: row["hash"] for row in run(" UNION ALL ".join(parts))}


class Person:
    """Somebody's browser."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def reads(self, page: str) -> str:
        """The page, which is there."""
        shown = self.client.get(page)
        assert shown.status_code == 200, (page, shown.status_code, said(shown))
        return str(shown.content.decode())

    def form_at(self, page: str, ending: str) -> str:
        """Where the first form of a page is sent whose address ends so."""
        found = [action for action, _fields in Forms(self.reads(page)).found if action.endswith(ending)]
        assert found, (page, ending, said_text(self.reads(page)))
        return found[0]

    def body_of(self, page: str, to: str = "") -> dict[str, list[str]]:
        """What the form of `page` that is sent to `to` (or to the page itself) would send as it was drawn."""
        found = Forms(self.reads(page)).found
        given = [fields for action, fields in found if (action or page) == (to or page)]
        assert given, (page, to, [action for action, _fields in found])
        return {name: value for name, value in given[0].items() if name != "csrfmiddlewaretoken"}

    def acts(self, deal: str, name: str) -> None:
        """Press a button of the deal room twice."""
        page = f"/deals/{deal}/"
        self.twice(page, link_in(self.reads(page), f"{page}act/{name}"))

    def twice(self, page: str, to: str = "", form_of: str = "", counted_in: str = "", **filled: Any) -> str:
        """Press the form of `page` that is sent to `to` (or to the page itself), twice with the same body.

        The first press must change something and the second nothing at all, with an answer that a person can read.
        `filled` is what was typed; a form that is looked at first, at `form_of`, is sent as it was drawn there.
        `counted_in` is a table that says how often somebody told of the same. Returns where the first press led to.
        """
        sent_to = to or page
        body = {**self.body_of(page, form_of or sent_to), **filled}
        before = written()
        first = self.client.post(sent_to, body, headers={"Referer": f"http://testserver{page}"})
        after = written()
        assert first.status_code == 302, (sent_to, first.status_code, said(first))
        assert before != after, f"{sent_to}: the press did nothing"
        again = self.client.post(sent_to, body, headers={"Referer": f"http://testserver{page}"})
        now = written()
        changed = [name for name in now if now[name] != after.get(name) and name != counted_in]
        assert not changed, f"{sent_to} was done twice: {changed}, {again.status_code} {said(again)}"
        assert again.status_code in (200, 302, 404, 409, 422), (sent_to, again.status_code, said(again))
        assert again.status_code == 302 or said(again), sent_to
        return str(first["Location"])


def link_in(text: str, start: str) -> str:
    """The first address of a page that begins with `start`."""
    found = re.search(rf'(?:http://testserver)?({re.escape(start)}[^"<\s]*)', text)
    assert found, (start, said_text(text))
    return html.unescape(found.group(1))


def said(answer: Any) -> str:
    """The text of the page's own part."""
    return said_text(answer.content.decode())


def said_text(page: str) -> str:
    """Without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())[:1500]
