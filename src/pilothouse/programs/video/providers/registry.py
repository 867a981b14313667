"""Builds the set of upstreams from plain settings, and refuses what cannot work with a sentence that says why.

`VIDEO_PROVIDERS` names them in failover order with their weights: ``local`` (the default), or
``videos_api:3,veo:1,local:0``. A second upstream of a kind gets a suffix: ``videos_api_b``. The settings of each begin
with its name in capitals; those of every kind are ``…_IN_FLIGHT_MAX``, ``…_RATE_PER_S``, ``…_BURST``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.breaker import Breaker
from pilothouse.programs.video.providers.local import LocalProvider
from pilothouse.programs.video.providers.protocol import SIZES, Aspect, Provider
from pilothouse.programs.video.providers.routing import ProviderState, Route, RoutingPolicy, TokenBucket
from pilothouse.programs.video.providers.simulated import SimulatedProfile, SimulatedProvider

DEFAULT_PROVIDERS: Final = "local:1"
_ENTRY: Final = re.compile(r"((local|simulated|videos_api|veo)(?:_[a-z0-9]+)?)(?::(\d{1,4}))?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderConfigurationError(PilothouseError):
    """A setting of the video providers cannot work; `setting` is its name."""

    code = "provider_configuration"
    status = 500
    message = "{setting}: {problem}"


@dataclass(frozen=True, slots=True)
class ProviderSet:
    """Upstreams by name, the policy over them, and this process's breakers and rate limits (machine time)."""

    providers: Mapping[str, Provider]
    policy: RoutingPolicy
    breakers: Mapping[str, Breaker]
    buckets: Mapping[str, TokenBucket]

    def states(self, now: float, in_flight: Mapping[str, int]) -> dict[str, ProviderState]:
        """The snapshot that `routing.choose` takes; `now` is monotonic seconds, `in_flight` jobs by provider."""
        return {
            name: ProviderState(
                provider.capabilities,
                in_flight.get(name, 0),
                self.breakers[name].wait_s(now),
                self.buckets[name].wait_s(now) if name in self.buckets else 0.0,
            )
            for name, provider in self.providers.items()
        }

    def take(self, name: str, now: float) -> bool:
        """Take leave for one submit: a token and the breaker's. False when either is used up meanwhile."""
        bucket = self.buckets.get(name)
        if bucket is not None and bucket.wait_s(now) > 0:
            return False
        if not self.breakers[name].let_through(now):
            return False
        return bucket is None or bucket.take(now)

    def observe(self, name: str, kind: str, now: float) -> None:
        """Tell the breaker how an attempt was answered: `kind` of the outcome."""
        if kind in {"broken", "unknown"}:
            self.breakers[name].failed(now)
        else:
            self.breakers[name].succeeded()

    async def aclose(self) -> None:
        """Close every upstream."""
        for provider in self.providers.values():
            await provider.aclose()


class _Settings:
    """The settings of one upstream by their last part; each refusal names the whole setting."""

    def __init__(self, values: Mapping[str, str], name: str) -> None:
        self._values = values
        self._prefix = name.upper()

    def refuse(self, part: str, problem: str) -> ProviderConfigurationError:
        return ProviderConfigurationError(setting=f"{self._prefix}_{part}", problem=problem)

    def text(self, part: str, default: str = "") -> str:
        return self._values.get(f"{self._prefix}_{part}", "").strip() or default

    def needed(self, part: str) -> str:
        value = self.text(part)
        if not value:
            raise self.refuse(part, "this setting is needed for the provider that VIDEO_PROVIDERS names.")
        return value

    def whole(self, part: str, default: int | None, least: int = 1) -> int | None:
        value = self.text(part)
        if not value:
            return default
        if not re.fullmatch(r"\d{1,9}", value) or int(value) < least:
            raise self.refuse(part, f"{value!r} is not a whole number of at least {least}.")
        return int(value)

    def decimal(self, part: str, default: float | None) -> float | None:
        value = self.text(part)
        if not value:
            return default
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            raise self.refuse(part, f"{value!r} is not a number of at least 0.")
        return float(value)

    def url(self, part: str, value: str) -> str:
        try:
            address = urlsplit(value)
            local = address.hostname in _LOOPBACK
        except ValueError:
            raise self.refuse(part, "this is not an address.") from None
        if not address.hostname or address.scheme not in ("https", "http") or (address.scheme == "http" and not local):
            raise self.refuse(part, "an upstream's address begins with https:// (http only to this machine).")
        if address.username or address.password or address.query or address.fragment:
            raise self.refuse(part, "an upstream's address holds no user, password, query or fragment.")
        return value.rstrip("/")

    def seconds(self, default: frozenset[int]) -> frozenset[int]:
        value = self.text("SECONDS")
        if not value:
            return default
        found = frozenset(int(part) for part in re.findall(r"\d{1,4}", value))
        lawful = range(limits.JOB_SECONDS_MIN, limits.JOB_SECONDS_MAX + 1)
        if not re.fullmatch(r"[\d\s,]+", value) or not found or not found <= set(lawful):
            raise self.refuse("SECONDS", f"{value!r} is not a list like 4,8,12 of lengths from 1 to 12.")
        return found

    def aspects(self, default: frozenset[Aspect]) -> frozenset[Aspect]:
        value = self.text("ASPECTS")
        if not value:
            return default
        found = {part.strip() for part in value.split(",")}
        if not found <= set(SIZES):
            raise self.refuse("ASPECTS", f"{value!r} is not a list of {', '.join(SIZES)}.")
        return frozenset(cast(Aspect, part) for part in found)


def build_providers(values: Mapping[str, str], *, folder: Path, now: Callable[[], float]) -> ProviderSet:
    """The providers that `values` (names as in the environment) ask for.

    `folder` is where the local renderer keeps its renders; `now` returns seconds for the simulated one. Raises
    ProviderConfigurationError. Nothing is connected to here.
    """
    listed = values.get("VIDEO_PROVIDERS", "").strip() or DEFAULT_PROVIDERS
    providers: dict[str, Provider] = {}
    routes: list[Route] = []
    for part in listed.split(","):
        entry = _ENTRY.fullmatch(part.strip())
        if entry is None:
            problem = (
                f"{part.strip()!r} is not a provider: local, simulated, videos_api or veo, as in videos_api:3,local:0."
            )
            raise ProviderConfigurationError(setting="VIDEO_PROVIDERS", problem=problem)
        name, adapter, weight = entry.groups()
        settings = _Settings(values, name)
        if name in providers:
            raise ProviderConfigurationError(setting="VIDEO_PROVIDERS", problem=f"{name} is named twice.")
        providers[name] = _build(adapter, name, settings, folder, now)
        rate = settings.decimal("RATE_PER_S", None)
        if rate == 0:
            raise settings.refuse("RATE_PER_S", "a rate is above 0; leave it empty for no bound.")
        in_flight = settings.whole("IN_FLIGHT_MAX", limits.RENDER_IN_FLIGHT_MAX_JOBS if adapter == "local" else None)
        routes.append(Route(name, int(weight or 1), in_flight, rate, settings.whole("BURST", 1) or 1))
    try:
        policy = RoutingPolicy(tuple(routes))
    except ValueError as error:
        raise ProviderConfigurationError(setting="VIDEO_PROVIDERS", problem=str(error)) from error
    return ProviderSet(
        providers,
        policy,
        {name: Breaker() for name in providers},
        {
            route.provider: TokenBucket(route.rate_per_s, route.burst)
            for route in routes
            if route.rate_per_s is not None
        },
    )


def _build(adapter: str, name: str, settings: _Settings, folder: Path, now: Callable[[], float]) -> Provider:
    if adapter == "local":
        processes = settings.whole("PROCESSES", limits.RENDER_PROCESSES_MAX) or 1
        return LocalProvider(folder, processes=processes, name=name)
    if adapter == "simulated":
        return SimulatedProvider(now, _profile(settings), name=name)
    return _videos_api(name, settings) if adapter == "videos_api" else _veo(name, settings)


def _profile(settings: _Settings) -> SimulatedProfile:
    given: dict[str, Any] = {}
    for each in fields(SimulatedProfile):
        part = each.name.upper()
        if not settings.text(part):
            continue
        if each.name == "seed":
            given["seed"] = settings.text(part)
        elif each.name == "latency_s":
            least, _, most = settings.text(part).partition(",")
            try:
                given["latency_s"] = (float(least), float(most or least))
            except ValueError:
                raise settings.refuse(part, "a latency is two numbers of seconds like 2,12.") from None
        else:
            given[each.name] = settings.decimal(part, None)
    try:
        return SimulatedProfile(**given)
    except ValueError as error:
        raise settings.refuse("PROFILE", str(error)) from error


def _videos_api(name: str, settings: _Settings) -> Provider:
    # Imported when asked for: the SDK costs most of a second at start, and most houses run without it.
    from pilothouse.programs.video.providers.videos_api import LOOKUP_MODES, VideosApiProvider, VideosApiSettings

    mode = settings.text("LOOKUP", "none")
    lookup = next((each for each in LOOKUP_MODES if each == mode), None)
    if lookup is None:
        raise settings.refuse("LOOKUP", f"{mode!r} is none of {', '.join(LOOKUP_MODES)}.")
    usual = VideosApiSettings(base_url="", api_key="", model="")
    return VideosApiProvider(
        VideosApiSettings(
            base_url=settings.url("BASE_URL", settings.needed("BASE_URL")),
            api_key=settings.needed("KEY"),
            model=settings.needed("MODEL"),
            aspects=settings.aspects(usual.aspects),
            seconds=settings.seconds(usual.seconds),
            lookup=lookup,
        ),
        name=name,
    )


def _veo(name: str, settings: _Settings) -> Provider:
    from google.oauth2 import credentials as token_credentials
    from google.oauth2 import service_account

    from pilothouse.programs.video.providers.veo import VeoProvider, VeoSettings

    token, file = settings.text("ACCESS_TOKEN"), settings.text("CREDENTIALS_FILE")
    if bool(token) == bool(file):
        raise settings.refuse("CREDENTIALS_FILE", "give either a service account's file or an ACCESS_TOKEN.")
    credentials: Any
    if token:
        credentials = token_credentials.Credentials(token)  # type: ignore[no-untyped-call]
    else:
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        try:
            credentials = service_account.Credentials.from_service_account_file(file, scopes=scopes)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise settings.refuse("CREDENTIALS_FILE", "this is no readable service account file.") from error
    base_url = settings.text("BASE_URL")
    output_uri = settings.text("OUTPUT_URI")
    if output_uri and not output_uri.startswith("gs://"):
        raise settings.refuse("OUTPUT_URI", "results are stored under gs://.")
    usual = VeoSettings(project="", location="", model="", credentials=credentials)
    return VeoProvider(
        VeoSettings(
            project=settings.needed("PROJECT"),
            location=settings.needed("LOCATION"),
            model=settings.needed("MODEL"),
            credentials=credentials,
            base_url=settings.url("BASE_URL", base_url) if base_url else None,
            output_uri=output_uri or None,
            aspects=settings.aspects(usual.aspects),
            seconds=settings.seconds(usual.seconds),
        ),
        name=name,
    )
