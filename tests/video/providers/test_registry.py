"""Settings to providers; bad ones are refused by name. And the words a customer may read."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from pilothouse.programs.video.providers.protocol import Provider, VideoJob
from pilothouse.programs.video.providers.reasons import CustomerReason, customer_reason
from pilothouse.programs.video.providers.registry import ProviderConfigurationError, ProviderSet, build_providers
from pilothouse.programs.video.providers.routing import Chosen, Wait, choose

pytestmark = pytest.mark.unit
API = {
    "VIDEOS_API_BASE_URL": "https://gateway.example/v1/",
    "VIDEOS_API_KEY": "sk-1",
    "VIDEOS_API_MODEL": "m",
}
VEO = {"VEO_PROJECT": "p", "VEO_LOCATION": "l", "VEO_MODEL": "m", "VEO_ACCESS_TOKEN": "t"}


def build(folder: Path, **values: str) -> ProviderSet:
    return build_providers(values, folder=folder, now=lambda: 0.0)


def test_the_default_is_the_local_renderer_alone(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert list(built.providers) == ["local"]
    assert [(route.provider, route.weight) for route in built.policy.routes] == [("local", 1)]
    crowd = built.states(0.0, {"local": 64})
    assert choose(built.policy, crowd, VideoJob("itm_1", "sea", "9:16", 4)).kind == "wait", "no one waits for ever"
    asyncio.run(built.aclose())


def test_every_kind_is_built_with_its_limits_and_its_second_of_a_kind(tmp_path: Path) -> None:
    second = {name.replace("API_", "API_B_"): value for name, value in API.items()}
    built = build(
        tmp_path,
        VIDEO_PROVIDERS=" videos_api:3, veo, videos_api_b:2, simulated:0,local:0",
        VIDEOS_API_SECONDS="4, 8",
        VIDEOS_API_ASPECTS="9:16, 1:1",
        VIDEOS_API_LOOKUP="metadata",
        VIDEOS_API_IN_FLIGHT_MAX="5",
        VIDEOS_API_RATE_PER_S="0.5",
        VIDEOS_API_BURST="2",
        SIMULATED_SEED="s",
        SIMULATED_LATENCY_S="1,2",
        SIMULATED_REFUSED="0.5",
        **API,
        **second,
        **VEO,
    )
    assert [(r.provider, r.weight) for r in built.policy.routes] == [
        ("videos_api", 3),
        ("veo", 1),
        ("videos_api_b", 2),
        ("simulated", 0),
        ("local", 0),
    ]
    assert all(isinstance(provider, Provider) for provider in built.providers.values())
    assert [built.providers[name].adapter for name in ("videos_api_b", "veo")] == ["videos_api", "veo"]
    capabilities = built.providers["videos_api"].capabilities
    assert sorted(capabilities.seconds) == [4, 8]
    assert sorted(capabilities.aspects) == ["1:1", "9:16"]
    assert capabilities.lookup is True
    assert (built.policy.routes[0].in_flight_max, built.policy.routes[0].rate_per_s) == (5, 0.5)
    assert [built.take("videos_api", 1.0) for _ in range(3)] == [True, True, False]
    assert built.states(1.0, {"videos_api": 4})["videos_api"].rate_wait_s == pytest.approx(2.0)
    asyncio.run(built.aclose())


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"VIDEO_PROVIDERS": "sora"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "local,local"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "local:0"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "local:-1"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "local:9999"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "local,"}, "VIDEO_PROVIDERS"),
        ({"VIDEO_PROVIDERS": "videos_api"}, "VIDEOS_API_BASE_URL"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_KEY": " "}, "VIDEOS_API_KEY"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_BASE_URL": "http://far.example"}, "VIDEOS_API_BASE_URL"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_BASE_URL": "https://u:p@x"}, "VIDEOS_API_BASE_URL"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_BASE_URL": "https://[x"}, "VIDEOS_API_BASE_URL"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_LOOKUP": "hope"}, "VIDEOS_API_LOOKUP"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_SECONDS": "4,60"}, "VIDEOS_API_SECONDS"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_SECONDS": "four"}, "VIDEOS_API_SECONDS"),
        ({"VIDEO_PROVIDERS": "videos_api", **API, "VIDEOS_API_ASPECTS": "4:3"}, "VIDEOS_API_ASPECTS"),
        ({"VIDEO_PROVIDERS": "veo", **VEO, "VEO_CREDENTIALS_FILE": "/no/such"}, "VEO_CREDENTIALS_FILE"),
        (
            {"VIDEO_PROVIDERS": "veo", **VEO, "VEO_ACCESS_TOKEN": "", "VEO_CREDENTIALS_FILE": "/no"},
            "VEO_CREDENTIALS_FILE",
        ),
        ({"VIDEO_PROVIDERS": "veo", **VEO, "VEO_OUTPUT_URI": "s3://x"}, "VEO_OUTPUT_URI"),
        ({"LOCAL_PROCESSES": "0"}, "LOCAL_PROCESSES"),
        ({"LOCAL_RATE_PER_S": "0"}, "LOCAL_RATE_PER_S"),
        ({"LOCAL_RATE_PER_S": "nan"}, "LOCAL_RATE_PER_S"),
        ({"LOCAL_IN_FLIGHT_MAX": "1.5"}, "LOCAL_IN_FLIGHT_MAX"),
        ({"VIDEO_PROVIDERS": "simulated", "SIMULATED_BUSY": "2"}, "SIMULATED_PROFILE"),
        ({"VIDEO_PROVIDERS": "simulated", "SIMULATED_LATENCY_S": "soon"}, "SIMULATED_LATENCY_S"),
    ],
)
def test_a_bad_setting_is_named_and_no_secret_is_repeated(values: dict[str, str], setting: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigurationError) as caught:
        build(tmp_path, **values)
    assert str(caught.value).startswith(f"{setting}: ")
    assert str(caught.value).endswith(".")
    assert "sk-1" not in str(caught.value)
    assert "u:p" not in str(caught.value)


def test_secrets_do_not_show_in_representations(tmp_path: Path) -> None:
    from pilothouse.programs.video.providers.videos_api import VideosApiSettings

    assert "sk-1" not in repr(VideosApiSettings("https://x", "sk-1", "m"))
    assert "PIXELS" not in repr(VideoJob("itm_1", "sea", "1:1", 1, b"PIXELS", "image/png"))


def test_broken_answers_open_the_breaker_and_the_snapshot_says_so(tmp_path: Path) -> None:
    built = build(tmp_path)
    job = VideoJob("itm_1", "sea", "9:16", 4)
    assert choose(built.policy, built.states(0.0, {}), job) == Chosen("local")
    for _ in range(5):
        built.observe("local", "broken", 0.0)
    waits = choose(built.policy, built.states(0.0, {}), job)
    assert isinstance(waits, Wait)
    assert waits.cause == "breaker_open"
    assert built.take("local", waits.seconds) is True
    built.observe("local", "refused", waits.seconds)
    assert choose(built.policy, built.states(waits.seconds, {}), job) == Chosen("local")
    asyncio.run(built.aclose())


def test_the_default_house_loads_no_upstream_sdk() -> None:
    code = (
        "import sys; import pilothouse.programs.video.providers.registry;"
        "sys.exit(any(name in sys.modules for name in ('openai', 'google.genai', 'httpx2', 'django')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("adapter", ["local", "simulated", "videos_api", "veo", "of_tomorrow"])
def test_customers_read_three_words_and_strangers_are_model_errors(adapter: str) -> None:
    lawful = set(get_args(CustomerReason))
    assert lawful == {"timeout", "param_error", "model_error"}
    assert customer_reason(adapter, "content_policy") == "param_error"
    assert customer_reason(adapter, "capacity") == "timeout"
    assert customer_reason(adapter, "item_timeout") == "timeout"
    for code in ("", "server_error", "a_code_of_tomorrow", "render_failed", "model_error", "quota", "denied"):
        assert customer_reason(adapter, code) == "model_error"
