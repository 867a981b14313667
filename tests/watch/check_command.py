"""`pilothouse check --json` through the command's own entry, in this process: a second each, not five."""

import json
from importlib import import_module

from typer.testing import CliRunner

from pilothouse.site.cli import app

RUNNER = CliRunner()
# Importing it registers the command, as `main` does.
import_module("pilothouse.site.cli.check")


def check() -> tuple[int, dict]:
    """The command's exit code and the JSON object that it printed."""
    done = RUNNER.invoke(app, ["check", "--json"], catch_exceptions=False)
    assert done.exit_code in (0, 1), done.stderr
    return done.exit_code, json.loads(done.stdout)
