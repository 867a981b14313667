"""The command line, one file per group of commands."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run production pilots that prove themselves.")


@app.callback()
def root() -> None:
    """Run production pilots that prove themselves."""


def main() -> None:
    """Entry point of the `pilothouse` command."""
    app()
