"""A small `up`: a tree of the embedded database, a dummy web and a dummy worker, run as a program by the tests."""

import argparse
import json
import sys
import time
from pathlib import Path

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.postgres import EmbeddedPostgres
from pilothouse.site.tree import ProcessSpec, Tree

DUMMY = str(Path(__file__).with_name("dummy.py"))


def main() -> int:
    """Run the tree; `--code N` ends it with that code once it is up, `--prepare-s` lingers before the processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--no-database", action="store_true")
    parser.add_argument("--code", type=int)
    parser.add_argument("--prepare-s", type=float, default=0)
    parser.add_argument("--ready-s", type=float, default=20)
    parser.add_argument("--grace-s", type=float, default=3)
    parser.add_argument("--web", default="")
    parser.add_argument("--worker", default="")
    options = parser.parse_args()
    url = f"http://127.0.0.1:{options.port}"
    web = [sys.executable, DUMMY, "web", str(options.port), *options.web.split()]
    worker = [sys.executable, DUMMY, "worker", *options.worker.split()]
    worker_log = options.data / "logs" / "worker.log"

    def worker_is_up() -> bool:
        return "worker is up" in worker_log.read_text()

    tree = Tree(
        options.data,
        [
            ProcessSpec(
                "web", web, ready_url=f"{url}/healthz", ready_timeout_s=options.ready_s, stop_grace_s=options.grace_s
            ),
            ProcessSpec("worker", worker, ready=worker_is_up, stop_grace_s=options.grace_s),
        ],
        database=None if options.no_database else EmbeddedPostgres(options.data, fsync=False),
        urls={"web": url},
        prepare=lambda _: time.sleep(options.prepare_s),
    )

    def on_ready(live: Tree) -> int | None:
        print(json.dumps(live.pids()), flush=True)
        return None if options.code is None else int(options.code)

    try:
        return tree.run(on_ready)
    except PilothouseError as refused:
        print(refused, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
