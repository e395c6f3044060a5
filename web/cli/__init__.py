"""The command line: `wangge COMMAND`."""

from __future__ import annotations

import click

from web.cli import analysis, output, planning, system, town

COMMANDS = (
    system.demo,
    system.serve,
    system.account,
    system.backup,
    system.restore,
    system.check,
    town.import_,
    town.export,
    analysis.doctor,
    planning.cells,
    planning.plan,
    planning.evaluate,
    analysis.parse,
    analysis.geocode,
    analysis.attribute,
    analysis.hotspots,
    analysis.coverage,
)


@click.group(cls=output.Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wangge")
def main() -> None:
    """Wangge: fair grids, incidents, hotspots and patrols for a subdistrict office."""


for command in COMMANDS:
    main.add_command(command)
