"""The verdict on two batches: what the fingerprint is made of decides, and nothing else does."""

from typing import Any

import pytest

from pilothouse.kernel.watch.highlight import highlighted
from pilothouse.programs.video.desk_charts import distribution, quantile
from pilothouse.programs.video.desk_parity import ParitySide, compare
from pilothouse.programs.video.fingerprint import batch_fingerprint, item_fingerprint, versions

pytestmark = pytest.mark.unit


def side(entry: str, prompt: str = "A vase", provider: str = "local", media: str = "aa", **under: Any) -> ParitySide:
    """A completed batch of one video."""
    how = {**versions(), **under}
    params = {"prompt": prompt, "aspect": "9:16", "seconds": 3}
    mark = item_fingerprint(params, None, how)
    item = {
        "position": 0, "public_id": "itm_1", "state": "succeeded", "params": params, "image": None,
        "image_sha256": None, "fingerprint": mark, "provider": provider, "attempt": 0, "media_sha256": media,
    }  # fmt: skip
    batch = {
        "public_id": f"bat_{entry}", "fingerprint": batch_fingerprint([mark], "terms", how), "terms_hash": "terms",
        "versions": how, "total": 1, "entry": entry, "tenant_name": entry, "unit": "CREDIT", "providers": [provider],
        "succeeded_count": 1, "failed_count": 0, "state": "completed",
    }  # fmt: skip
    return ParitySide(batch, [item])


def test_the_way_in_and_the_account_do_not_count() -> None:
    found = compare(side("page"), side("api"))
    assert (found.state, found.media_equal, found.media_compared) == ("pass", 1, 1)
    assert {field.name for field in found.fields if not field.equal} == {"entry point", "account"}


def test_two_providers_are_one_pipeline_and_their_bytes_are_not_compared() -> None:
    found = compare(side("page"), side("api", provider="outside", media="bb"))
    assert (found.state, found.media_compared, found.items[0].media) == ("pass", 0, "outside")


def test_other_bytes_of_the_embedded_provider_are_a_divergence() -> None:
    found = compare(side("page"), side("api", media="bb"))
    assert (found.state, found.items[0].media) == ("fail", "different")


def test_a_stored_hash_alone_proves_nothing() -> None:
    forged = side("api")
    forged.items[0]["params"]["prompt"] = "Another vase"
    assert compare(side("page"), forged).state == "fail"


def test_another_wish_or_another_pipeline_is_no_divergence() -> None:
    other = compare(side("page"), side("api", prompt="A jug"))
    assert (other.state, other.items[0].differences) == ("inconclusive", ("prompt: A vase / A jug",))
    assert compare(side("page"), side("api", renderer=99)).state == "inconclusive"


def test_what_is_still_made_is_not_judged() -> None:
    running = side("api")
    running.batch["state"] = "running"
    running.items[0]["state"] = "running"
    assert compare(side("page"), running).state == "insufficient"


def test_pictures_escape_what_they_show() -> None:
    assert "&lt;script&gt;" in highlighted("SELECT '<script>' -- <b>")
    assert "<script>" not in highlighted("SELECT '<script>' -- <b>")
    drawn = distribution([0.4, 3, 3, 700], "<b>")
    assert drawn.count("<rect") == 3
    assert "<b>" not in drawn
    assert (quantile([], 0.5), quantile([3, 1, 2], 0.5), quantile([3, 1, 2], 0.95)) == (None, 2, 3)
