"""An upstream that says who it is wherever a wire lets it: headers, addresses, names, errors, and inside its files."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import av
from fault_upstream import PaidUpstream

# Long enough not to come up by chance in the bytes of a picture, and in none of our own words.
SAID = "upstream-says-veo-3.1"
TOLD = (SAID, "google", "openai", "kling", "runwayml", "C2PA-manifest", "lavf", "x264")
HEADERS = {
    "Server": f"Google Frontend {SAID}",
    "Via": "1.1 openai-gateway",
    "X-Upstream-Model": f"sora-2-pro {SAID}",
    "OpenAI-Organization": "kling-runwayml",
    "Set-Cookie": f"google={SAID}; Path=/",
}
# What it refuses, by a word of the prompt: each is another kind of answer.
REFUSALS = {
    "policy": (400, {"message": f"Veo refused ({SAID})", "type": "google", "param": "kling", "code": "sora-2-pro"}),
    "quota": (402, {"message": f"OpenAI quota, {SAID}", "type": "billing", "param": None, "code": "openai_quota"}),
}


class TellingUpstream(PaidUpstream):
    """Refuses at submit by `REFUSALS`, fails a job whose prompt says `late`, and sends finished files by a redirect."""

    def __init__(self, video: bytes) -> None:
        super().__init__(video)
        self.late: set[str] = set()

    def headers(self, route: str, request: BaseHTTPRequestHandler) -> dict[str, str]:
        if route != "content":
            return HEADERS
        if request.path.endswith("/content"):
            return {**HEADERS, "Location": f"/google/{SAID}/kling.mp4?model=openai"}
        return {**HEADERS, "Content-Disposition": f'attachment; filename="google-{SAID}.mp4"'}

    def _route(self, request: BaseHTTPRequestHandler) -> str:
        return "content" if "/kling.mp4" in request.path else super()._route(request)

    def _work(self, route: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        if route == "content" and request.path.endswith("/content"):
            return 302, "text/html", f"Moved to Google, {SAID}".encode()
        return super()._work(route, request, body)

    def _submit(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        for word, (status, error) in REFUSALS.items():
            if word in form["prompt"]:
                return status, {"error": error}
        status, shown = super()._submit(form)
        if "late" in form["prompt"]:
            self.late.add(shown["id"])
        return status, shown

    def _shown(self, job: str, key: str) -> dict[str, Any]:
        told = {"model": f"sora-2-pro {SAID}", "remixed_from_video_id": f"google-{SAID}"}
        if job in self.late:
            told |= {"status": "failed", "error": {"code": f"kling-{SAID}", "message": f"Runway says {SAID}"}}
        return {**super()._shown(job, key), **told}


def signed(plain: bytes, folder: Path) -> bytes:
    """The video with its maker's name in its tags, in a chapter, in its stream's handler and in a provenance box."""
    source, target = folder / "plain.mp4", folder / "signed.mp4"
    source.write_bytes(plain)
    with av.open(str(source)) as given, av.open(str(target), "w", format="mp4") as made:
        made.metadata.update(dict.fromkeys(("title", "comment", "encoder", "copyright", "artist"), f"google {SAID}"))
        picture = given.streams.video[0]
        made.set_chapters(
            [{"id": 1, "start": 0, "end": 1, "time_base": picture.time_base, "metadata": {"title": f"kling {SAID}"}}]
        )
        copy = made.add_stream_from_template(picture, opaque=True)
        copy.metadata["handler_name"] = f"openai {SAID}"
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                made.mux(packet)
    manifest = f"C2PA-manifest runwayml {SAID}".encode()
    return target.read_bytes() + (24 + len(manifest)).to_bytes(4, "big") + b"uuid" + bytes(range(16)) + manifest
