"""One throwaway PostgreSQL server for the run, one migrated template, one fresh clone for each test that asks.

The controlling process starts the server and migrates the template; pytest-xdist's workers inherit its address
through the environment and clone from it (about 0.1 s).
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))
# A property is judged by what it says, never by how long a busy machine took to try it.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # fmt: skip
hypothesis.settings.load_profile("house")

SERVER: contextlib.ExitStack = contextlib.ExitStack()
TEMPLATE = "template_house"
MEMORY_FOLDER_BYTES = 8_000_000_000
MARKS = ("unit", "house", "http", "browser", "faults", "tamper")


def _memory_folder() -> Path | None:
    """A folder that costs no disk, when there is room in it: a clone of the template is more than a thousand files."""
    folder = Path("/dev/shm")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return None
    free_bytes = min(shutil.disk_usage(folder).free, psutil.virtual_memory().available)
    return folder if free_bytes >= MEMORY_FOLDER_BYTES else None


def pytest_configure(config: pytest.Config) -> None:
    """Start the server before anything imports the settings."""
    gc.disable()  # until everything is loaded: see pytest_runtestloop
    if "PILOTHOUSE_TEST_SERVER" not in os.environ:
        from pilothouse.kernel.base.postgres import throwaway_postgres

        server = SERVER.enter_context(throwaway_postgres(parent=_memory_folder()))
        for name in [name for name in os.environ if name.startswith(("DATABASE_", "DJANGO_"))]:
            del os.environ[name]
        os.environ.update(
            PILOTHOUSE_TEST_SERVER=str(server.data),
            DATA=str(server.data),
            DATABASE_NAME=TEMPLATE,
            DATABASE_POOL="0",
            HOUSE_KIND="test",
            SITE_URL="http://127.0.0.1:8000",
        )
    os.environ["DJANGO_SETTINGS_MODULE"] = "pilothouse.site.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.hashers import Argon2PasswordHasher as Hasher

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    # A fifth of a second of CPU for each password is what the house wants and what thousands of tests need not pay;
    # the hash says by what it was made, so a house with the full cost verifies it too.
    Hasher.time_cost, Hasher.memory_cost, Hasher.parallelism = 1, 8, 1
    if not hasattr(config, "workerinput"):
        from pilothouse.site.migrate import migrate

        migrate()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the controlling process ends."""
    _forget_logs()
    if not hasattr(config, "workerinput"):
        SERVER.close()


def _forget_logs() -> None:
    """Drop the lines that no test waited for: their houses are gone, and to write them would be tried for seconds."""
    from pilothouse.kernel.access.usage import USAGE
    from pilothouse.kernel.watch.error_log import SEEN

    for log in (USAGE, SEEN):
        with log.queue.mutex:
            log.queue.queue.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by file, unless another way was asked for by name."""
    from scheduling import WholeFiles

    return WholeFiles(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several processes, begin with what takes longest."""
    from scheduling import order

    if hasattr(config, "workerinput"):
        order(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What three thousand tests and their modules are made of stays to the end: the collector walks it no more."""
    from pilothouse.kernel.base import heap

    heap.settle()
    gc.enable()


@pytest.fixture(autouse=True)
def _no_database_outside_a_house() -> None:
    """The template is never connected to by a test: a query without the `house` fixture finds no database."""
    _use_database("no_house_fixture")


@pytest.fixture(autouse=True)
def _in_english() -> None:
    """A request leaves its reader's language to the thread, and the next test has not asked for it."""
    from django.utils import translation

    translation.deactivate()


def _use_database(name: str) -> None:
    from django.conf import settings
    from django.db import connections

    for alias in settings.DATABASES:
        connections[alias].close()
        connections.settings[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name
        settings.DATABASES[alias]["NAME"] = name


class House:
    """A fresh database: real commits, any number of connections and processes, dropped after the test."""

    _numbers = itertools.count(1)

    def __init__(self, prefix: str = "house_") -> None:
        self.name = f"{prefix}{os.getpid()}_{next(self._numbers)}"

    def connect(self, user: str = "ph_worker", **options: Any) -> Any:
        """A psycopg connection of its own with any database role; `postgres` is for tests marked tamper."""
        import psycopg
        from django.conf import settings

        entry = settings.DATABASES["owner"]
        return psycopg.connect(
            host=entry["HOST"], port=entry["PORT"], user=user, dbname=self.name, autocommit=True, **options
        )

    def admin(self) -> Any:
        """A superuser's connection: it passes every wall, as an attacker with the database's password would."""
        return self.connect("postgres")

    def env(self, **more: str) -> dict[str, str]:
        """The environment for a subprocess that works on this house."""
        return {**os.environ, "DATABASE_NAME": self.name, **more}

    def tenant(self, name: str = "Northwind") -> Any:
        """A new tenant row."""
        from pilothouse.kernel.base import clock
        from pilothouse.kernel.base.models import Tenant
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope():
            return Tenant.objects.create(name=name, created_at=clock.now())

    def operators(self) -> tuple[int, int]:
        """The user ids of two operators."""
        from pilothouse.kernel.access.commands import add_operator
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope():
            first, second = (add_operator(f"{name}@house.example", "operator") for name in ("first", "second"))
            return first.user_id, second.user_id

    def fund(self, tenant: int, credits: int, why: str = "Funds") -> None:
        """Any number of credits, asked for by one operator and approved by another."""
        from pilothouse.kernel.base.scope import worker_scope
        from pilothouse.kernel.ledger.grants import approve_grant, request_grant

        first, second = self.operators()
        with worker_scope():
            asked = request_grant(first, tenant, credits, "adjustment", why)
            if asked.state == "requested":
                approve_grant(second, asked.request)


@contextlib.contextmanager
def _fresh_house(template: str = TEMPLATE, prefix: str = "house_") -> Iterator[House]:
    from pilothouse.site.migrate import admin_connection

    fresh = House(prefix)
    _use_database("no_house_fixture")
    with admin_connection("postgres") as admin:
        admin.execute(f'CREATE DATABASE "{fresh.name}" OWNER ph_owner TEMPLATE {template} STRATEGY FILE_COPY')
        # A clone has the template's walls, but not the rights on the database itself.
        admin.execute(f'REVOKE TEMPORARY ON DATABASE "{fresh.name}" FROM PUBLIC')
    _use_database(fresh.name)
    try:
        yield fresh
    finally:
        _use_database("no_house_fixture")
        with admin_connection("postgres") as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{fresh.name}" WITH (FORCE)')


@pytest.fixture
def house(_no_database_outside_a_house: None) -> Iterator[House]:
    """A fresh clone of the migrated template."""
    with _fresh_house() as fresh:
        yield fresh


@pytest.fixture
def timed_house(_no_database_outside_a_house: None) -> Iterator[House]:
    """A fresh clone whose business time stands still until `simulated_clock.move_to`."""
    from pilothouse.kernel.base import simulated_clock

    with _fresh_house(prefix=simulated_clock.REHEARSAL_PREFIX) as fresh:
        with fresh.admin() as admin:
            simulated_clock.install(admin, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        yield fresh


@pytest.fixture(scope="module")
def module_house() -> Iterator[House]:
    """A fresh clone for all tests of one module; each of them asks for `shared_house` to reach it."""
    with _fresh_house() as fresh:
        yield fresh


@pytest.fixture
def shared_house(module_house: House, _no_database_outside_a_house: None) -> House:
    """The module's clone, connected to."""
    _use_database(module_house.name)
    return module_house


@pytest.fixture
def copy_house() -> Callable[[House], contextlib.AbstractContextManager[House]]:
    """Clones a house with everything in it, so that each test may break what was built once."""
    return lambda house: _fresh_house(house.name)


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A data folder of the test's own, with a name that needs no quoting."""
    folder = tmp_path / f"data-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """What gives each test of the module a browser that works; see real_browser.py.

    Its event loop ends with the module, so that no other test finds it; Django is told meanwhile that no coroutine
    calls it.
    """
    from real_browser import Chromium

    with pytest.MonkeyPatch.context() as patch, Chromium() as chromium:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield chromium


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """Debian's chromium, headless, for one test and no longer than TEST_PATIENCE_S."""
    from real_browser import TEST_PATIENCE_S

    with chromium.within(TEST_PATIENCE_S):
        yield chromium.browser()
