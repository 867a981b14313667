"""`pilothouse check --json` through the command's own entry, in this process: a second each, not five."""

from command_line import said


def check() -> tuple[int, dict]:
    """The command's exit code and the JSON object that it printed."""
    done = said("check", "--json")
    return done.code, done.json
