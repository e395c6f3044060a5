"""What commands say: one JSON object or plain lines on standard output, progress on standard error.

Exit status: 0 done, 2 bad use or input with a clear message, 1 our own failure.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from geo.errors import GridError, StoreError
from web import texts
from web.config import Settings

log = logging.getLogger("wangge")

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output."
)


class Group(click.Group):
    """Commands imported when asked for, whose errors people can read and scripts can rely on."""

    def __init__(self, *args: Any, commands_by_name: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self._places:
            return None
        module, function = self._places[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"web.cli.{module}"), function)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; errors of the house become a sentence and a status."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="replace")
        try:
            return super().main(*args, **kwargs)
        except GridError as error:
            said = texts.text_of_error(language(), error)
            click.echo(f"wangge: {said}\n  [{error.code}] {error.message}", err=True)
            sys.exit(1 if isinstance(error, StoreError) else 2)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("unexpected failure %s", reference)
            click.echo(f"wangge: {texts.text(language(), 'cli.failure', ref=reference)}", err=True)
            sys.exit(1)


def language() -> str:
    """The language of messages: WANGGE_LANGUAGE where it can be read, else Chinese."""
    try:
        return Settings.from_env().language
    except GridError:
        return "zh"


def say(code: str, **params: Any) -> None:
    """A line for people, on standard error."""
    click.echo(texts.text(language(), code, **params), err=True)


def show(report: dict[str, Any], *, as_json: bool) -> None:
    """The report of a command on standard output."""
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, default=_plain, allow_nan=False))
        return
    for key, value in report.items():
        shown = value
        if isinstance(value, float):
            shown = f"{value:.4g}"
        elif isinstance(value, dict | list):
            shown = json.dumps(value, ensure_ascii=False, default=_plain)
        click.echo(f"{key}: {shown}")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")
