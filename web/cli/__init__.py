"""The command line: `wangge COMMAND`."""

from __future__ import annotations

import click

from web.cli import output

COMMANDS = {
    "demo": "system:demo",
    "serve": "system:serve",
    "account": "system:account",
    "import": "town:import_",
    "export": "town:export",
    "doctor": "analysis:doctor",
    "cells": "planning:cells",
    "plan": "planning:plan",
    "rebalance": "redraw:rebalance",
    "evaluate": "explaining:evaluate",
    "explain": "explaining:explain",
    "parse": "analysis:parse",
    "geocode": "analysis:geocode",
    "attribute": "analysis:attribute",
    "hotspots": "hotspots:hotspots",
    "coverage": "analysis:coverage",
    "backup": "system:backup",
    "restore": "system:restore",
    "check": "system:check",
}
"""Command -> module and function; a module is imported when its command is asked for."""


@click.group(
    cls=output.Group,
    commands_by_name=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="wangge")
def main() -> None:
    """Wangge: fair grids, incidents, hotspots and patrols for a subdistrict office."""
