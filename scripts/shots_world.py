"""The houses that are photographed: one with a customer in the middle of a day's work, one on its first morning."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HOUSE_PATIENCE_S = 600
BATCH_PATIENCE_S = 240
# Slower than the calls a minute that the demo key may make.
POLL_S = 1.5
# Long enough to be photographed on the way.
SECONDS = 10
PROMPTS = (
    "A ceramic mug with a speckled glaze on an oak table, steam in the morning light",
    "A linen tote bag on a bicycle handlebar, seaside road, wind",
    "Olive oil poured over fresh bread, close up, warm kitchen",
    "A wool blanket unfolding over a sofa, late autumn sun",
    "An explicit scene that no brand would publish",
    "A steel bottle standing in fresh snow, mountains behind",
    "Paper notebooks fanning open, ink drops falling beside them",
    "A wooden desk lamp switching on in a dark study",
    "Wild berry jam, the spoon breaks the surface, macro",
    "A glass perfume bottle turning on black marble, one narrow beam of light",
)
CLI = (sys.executable, "-m", "pilothouse.site.cli")
LOAD_WORLD = (
    "import sys, pathlib, django; django.setup(); data = pathlib.Path(sys.argv[1]);"
    "from pilothouse.programs.video.demo import load_world; load_world(data);"
    "from pilothouse.programs.deals.demo_world import open_market;"
    "open_market(data / 'demo.json', is_empty=True)"
)


def environment(data: Path) -> dict[str, str]:
    """What a command on this house needs."""
    return {
        **os.environ, "DATA": str(data), "HOUSE_KIND": "demo", "DJANGO_SETTINGS_MODULE": "pilothouse.site.settings"
    }  # fmt: skip


@contextlib.contextmanager
def houses(worlds: Sequence[str]) -> Iterator[dict[str, Path]]:
    """The data folder of each demo house, that all start at once and stay up for the block.

    The one of the world `full` has run its demo batch; that of `empty` has its people only.
    """
    with contextlib.ExitStack() as ends:
        started = [(world, *ends.enter_context(_started(world))) for world in worlds]
        for world, data, running in started:
            _wait_until_ready(running, data, "stays up" if world == "full" else "")
            if world == "empty":
                subprocess.run([sys.executable, "-c", LOAD_WORLD, str(data)], check=True, env=environment(data))
        yield {world: data for world, data, _running in started}


@contextlib.contextmanager
def _started(world: str) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        command = [*CLI, "up", "--data", str(data), "--port", "0", "--live-port", "0"]
        running = subprocess.Popen(
            [*command, *(["--demo"] if world == "full" else [])],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(data),
        )  # fmt: skip
        try:
            yield data, running
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)


def _wait_until_ready(running: subprocess.Popen[str], data: Path, said: str) -> None:
    from pilothouse.site.tree import running as state_of

    deadline = time.monotonic() + HOUSE_PATIENCE_S
    if said:
        assert running.stdout is not None
        for line in running.stdout:
            if said in line or time.monotonic() > deadline:
                return
    while time.monotonic() < deadline and running.poll() is None:
        if (state_of(data) or {}).get("state") == "ready":
            return
        time.sleep(0.5)
    raise SystemExit("The demo house did not start.")


def site_of(data: Path) -> str:
    """The address of the house that runs on this data folder."""
    from pilothouse.site.tree import running

    live = running(data)
    if not live:
        raise SystemExit(f"No house runs on {data}.")
    return str(live["urls"]["site"])


def world_of(data: Path) -> dict[str, Any]:
    """The demo customer's people, password and key."""
    found: dict[str, Any] = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    return found


def cli(data: Path, *arguments: str) -> str:
    """Run one command on this house; its standard output."""
    return subprocess.run(
        [*CLI, *arguments], env=environment(data), check=True, stdout=subprocess.PIPE, text=True
    ).stdout  # fmt: skip


def call(site: str, key: str, path: str, body: Any = None) -> dict[str, Any]:
    """One call of the JSON API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(site + path, data=data, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def new_batch(data: Path) -> str:
    """Buy and create a batch as a customer would; one prompt is refused by the provider."""
    site, world = site_of(data), world_of(data)
    request_id = f"spring-collection-{time.monotonic_ns() // 10**9}"
    cli(data, "grant", world["tenant_id"], str(10 * len(PROMPTS)), "--description", request_id)
    items = [
        {"params": {"prompt": prompt, "aspect": "9:16", "seconds": SECONDS}, "metadata": {"sku": f"NW-{number:02d}"}}
        for number, prompt in enumerate(PROMPTS, 1)
    ]
    return str(call(site, world["api_key"], "/v1/batches", {"request_id": request_id, "items": items})["batch_id"])


def wait_for(data: Path, batch: str, ended: int) -> None:
    """Return when at least `ended` of the batch's items have ended."""
    site, key = site_of(data), world_of(data)["api_key"]
    deadline = time.monotonic() + BATCH_PATIENCE_S
    while time.monotonic() < deadline:
        summary = call(site, key, f"/v1/batches/{batch}")["summary"]
        if summary["succeeded"] + summary["failed"] >= ended:
            return
        time.sleep(POLL_S)
    raise SystemExit(f"The batch {batch} did not get to {ended} items in {BATCH_PATIENCE_S} s.")


def setup(data: Path) -> None:
    """Make this process one of the house on this data folder."""
    import django

    os.environ.update(DATA=str(data), SITE_URL=site_of(data))
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    os.environ["DJANGO_SETTINGS_MODULE"] = "pilothouse.site.settings"
    django.setup()
    from pilothouse.site.programs import load_programs

    load_programs()


def _reset(data: Path) -> str:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str
    from django.urls import reverse

    person = _person(data, "owner")
    reset = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return reverse("account_reset_password_from_key", kwargs=reset)


def _person(data: Path, role: str) -> Any:
    from django.contrib.auth import get_user_model

    from pilothouse.kernel.base.scope import worker_scope

    with worker_scope("shots"):
        return get_user_model().objects.get(username=world_of(data)["people"][role])


def _reveal(data: Path) -> str:
    from django.urls import reverse

    from pilothouse.kernel.access.commands import create_reveal_link
    from pilothouse.kernel.base.scope import tenant_scope

    tenant = world_of(data)["tenant"]
    with tenant_scope(tenant, "shots"):
        _, token = create_reveal_link(tenant, "For the engineer")
    return reverse("access_reveal", args=[token])


def _magic_link(data: Path) -> str:
    from django.urls import reverse
    from sesame.utils import get_token

    from pilothouse.kernel.access import magic

    return reverse("access_magic_link", args=[get_token(_person(data, "owner"), scope=magic.SCOPE)])


def _plain(name: str, *arguments: str) -> Callable[[Path], str]:
    def address(_data: Path) -> str:
        from django.urls import reverse

        return reverse(name, args=arguments)

    return address


# Pages that open from a mail or that no link shows, by name: each makes a fresh address, which looking does not use up.
STRANGERS: dict[str, Callable[[Path], str]] = {
    "access_reveal": _reveal,
    "access_magic_link": _magic_link,
    "account_reset_password_from_key": _reset,
    "account_request_login_code": _plain("account_request_login_code"),
    "access_request_magic_link": _plain("access_request_magic_link"),
    "account_signup": _plain("account_signup"),
}
BUYERS: dict[str, Callable[[Path], str]] = {"deals:join": _plain("deals:join", "an-invitation")}
# Linked only where there are more files than the page of payouts shows.
OPERATORS: dict[str, Callable[[Path], str]] = {"payments:bank_files": _plain("payments:bank_files")}
UNLINKED = {"stranger": STRANGERS, "buyer": BUYERS, "operator": OPERATORS}
