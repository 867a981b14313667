"""The internal checklist on a live house, as an operator runs it before a customer is let on."""

import json

import pytest
from live_tree import LiveTree, cli

pytestmark = [pytest.mark.http, pytest.mark.slow]


def test_the_five_lines_pass_within_ten_minutes(tree: LiveTree, node: None) -> None:
    ended = cli(tree.data, "checklist", "enterprise", "--json", "--as", "operator:ada")
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    found = json.loads(ended.stdout)
    assert [line["name"] for line in found["lines"]] == ["docs", "openapi", "example", "webhook", "ledger"]
    assert all(line["ok"] and line["seconds"] > 0 and line["evidence"] for line in found["lines"])
    assert "100 reserved" in found["lines"][2]["evidence"]
    assert found["started_by"] == "operator:ada"
    assert found["seconds"] < 600
    assert "5 of 5" in ended.stderr


def test_a_line_that_fails_says_what_to_do_and_the_list_does_not_pass(tree: LiveTree, tmp_path) -> None:
    ended = cli(tree.data, "checklist", "enterprise", "--json", "--example", str(tmp_path))
    assert ended.returncode == 1
    found = {line["name"]: line for line in json.loads(ended.stdout)["lines"]}
    assert found["docs"]["ok"]
    assert found["openapi"]["ok"]
    assert "--example" in found["example"]["advice"]
    assert found["webhook"]["evidence"].startswith("Not tried")
