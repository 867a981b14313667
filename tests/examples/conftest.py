"""One live tree with one customer, as after Day 0 of a pilot; the tests act as that customer's engineer."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))
from live_tree import LiveTree, clean_env, cli, data_folder

PEOPLE = {"owner": "ada@northwind.example", "finance": "finn@northwind.example"}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INSTALL_S = 180
NO_NODE = "There is no node with npm here. scripts/node.sh installs it on Debian."
# Where node and its registry are promised, as in our workflow, their absence is a failure and no skip.
NODE_PROMISED = bool(os.environ.get("NODE_PROMISED"))


@dataclass(frozen=True)
class Customer:
    """What Day 0 gives a customer: the platform's address, an account with credits, and a key."""

    tree: LiveTree
    site: str
    tenant: str
    key: str

    def client(self) -> httpx.Client:
        """A client with the customer's key."""
        return self.tree.client(self.key)

    def env(self, **more: str) -> dict[str, str]:
        """The engineer's shell."""
        return clean_env(SORA2_API_KEY=self.key, SORA2_BASE_URL=self.site, **more)


@pytest.fixture(scope="session")
def tree() -> Iterator[LiveTree]:
    """A platform that stays up for all of these tests."""
    with data_folder() as data:
        live = LiveTree(data).up()
        yield live
        live.stop()


@pytest.fixture(scope="session")
def customer(tree: LiveTree) -> Customer:
    """A new customer with 1,000 credits. The key has a wider limit than a pilot's: all tests share it."""
    tenant = done(tree, "tenant", "create", "Northwind Ceramics")["tenant"]
    for role, mail in PEOPLE.items():
        done(tree, "member", "add", tenant, mail, "--role", role)
    done(tree, "grant", "add", tenant, "1000", "--description", "Enterprise Pilot - Northwind Ceramics")
    key = done(tree, "key", "issue", tenant, "--rate-limit", "600")["key"]
    return Customer(tree, tree.site, tenant, key)


def done(tree: LiveTree, *arguments: str) -> dict[str, str]:
    """One command of the platform's operator, which must succeed; its JSON."""
    ended = cli(tree.data, *arguments, "--json")
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    found: dict[str, str] = json.loads(ended.stdout)
    return found


@pytest.fixture(scope="session")
def node() -> None:
    """Node and npm, or a skip with the reason."""
    if shutil.which("node") is None or shutil.which("npx") is None:
        _absent(NO_NODE)


@pytest.fixture(scope="session")
def node_folder(node: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node examples, copied and installed by their lock."""
    folder = tmp_path_factory.mktemp("examples") / "node"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=INSTALL_S
    )
    if installed.returncode:
        _absent(f"npm could not install what examples/node locks: {installed.stderr.strip()[-200:]}")
    return folder


def _absent(why: str) -> None:
    assert not NODE_PROMISED, why
    pytest.skip(why)
