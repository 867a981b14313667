"""docs/DEMO_SCRIPT.md is followed as it is written: every command runs, every page answers and shows its phrase."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.programs.deals import demo_world
from pilothouse.programs.deals.operator_view import deal_rows
from pilothouse.site.seed import seed

# It plays a whole pilot on the way: half a minute of work, and many times that where others work as well.
pytestmark = [pytest.mark.house, pytest.mark.slow, pytest.mark.timeout(1800)]
SCRIPT = (Path(__file__).resolve().parents[2] / "docs" / "DEMO_SCRIPT.md").read_text(encoding="utf-8")
PEOPLE = {
    "seller": "seller@nomadcars.example", "buyer": "buyer@nomadcars.example", "operator": "admin@pilothouse.example"
}  # fmt: skip
ROW = r"^\| (seller|buyer|operator|anyone) \| `([^`]+)` \| `([^`]+)` \|"
BLOCK = r"^```sh\n(.*?)^```"


@pytest.fixture
def market_house(house: Any, tmp_path: Path) -> Any:
    """What `pilothouse up --demo` makes of the market: its people, three deals and the operators."""
    seed()
    world = tmp_path / "demo.json"
    world.write_text(json.dumps({"people": {}, "password": "the password of the demo"}))
    with worker_scope("demo"):
        add_operator(PEOPLE["operator"], "admin", "Ada Admin")
    demo_world.open_market(world)
    return house


def test_the_script_is_followed_as_it_is_written(market_house: Any, tmp_path: Path) -> None:
    with ops_scope("test"):
        ids = {row["title"]: row["deal_id"] for row in deal_rows(count=10)}
    clients = {"anyone": Client()}
    for who, mail in PEOPLE.items():
        clients[who] = Client()
        clients[who].force_login(
            get_user_model().objects.get(email=mail), backend="django.contrib.auth.backends.ModelBackend"
        )
    rows = blocks = 0
    # In the order of the text: what a command makes stands on the pages after it.
    for found in re.finditer(f"{ROW}|{BLOCK}", SCRIPT, re.MULTILINE | re.DOTALL):
        who, address, phrase, block = found.groups()
        if block:
            run_block(market_house, block, tmp_path)
            blocks += 1
        else:
            open_page(clients[who], who, re.sub(r"{([^}]+)}", lambda name: named(ids, name[1]), address), phrase)
            rows += 1
    assert (rows, blocks) == (len(re.findall(ROW, SCRIPT, re.MULTILINE)), SCRIPT.count("```sh"))
    assert rows >= 14


def named(ids: dict[str, str], words: str) -> str:
    """The deal with these words in its title."""
    (deal,) = [ids[title] for title in ids if words in title]
    return deal


def run_block(house: Any, block: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}:{house.env()['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], env=house.env(PATH=path), cwd=folder,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (block, done.stdout[-2000:], done.stderr[-2000:])


def open_page(client: Client, who: str, address: str, phrase: str) -> None:
    page = client.get(address)
    assert page.status_code == 200, (who, address, page.status_code)
    text = unescape(re.sub(r"<[^>]+>", "", page.content.decode())).replace("\xa0", " ")
    assert phrase in text, (who, address, phrase)
