"""What a planner demands beyond balance, read from a command's options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from geo.errors import ParameterError
from geo.planning.rules import Rules
from web.cli import frames

_OPTIONS = (
    click.option(
        "--may-split",
        is_flag=True,
        help="Split units of --keep-whole where the tolerance asks for it.",
    ),
    click.option(
        "--special",
        help="Column of special grids: cells of one name there become a grid of their own.",
    ),
    click.option(
        "--locked",
        help="Column of cells that stay together; those of different names never share a grid.",
    ),
    click.option(
        "--balance",
        multiple=True,
        metavar="COL:TOLERANCE",
        help="A further column to balance, such as people:0.1; may be given several times.",
    ),
    click.option(
        "--capacities",
        type=frames.in_path,
        help="CSV of --within's column and `capacity`, one row a worker (1 is a full one).",
    ),
)


def demand_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `read_rules` reads, and `--may-split`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_rules(
    *,
    special: str | None,
    locked: str | None,
    balance: tuple[str, ...],
    capacities: Path | None,
    within: str | None,
) -> Rules:
    """The rules of these options.

    Raises
    ------
    click.UsageError : an option is not in its form
    ParameterError : the file of capacities has no such column, or what is no number
    """
    tolerances = {}
    for one in balance:
        column, mark, tolerance = one.rpartition(":")
        try:
            tolerances[column] = float(tolerance)
        except ValueError:
            mark = ""
        if not mark or not column:
            raise click.UsageError(f"--balance takes COLUMN:TOLERANCE, got {one}")
    if capacities is not None and within is None:
        raise click.UsageError("--capacities needs --within, the column of the areas")
    return Rules(
        special=special,
        locked=locked,
        balance=tolerances,
        capacities={} if capacities is None else _read_capacities(capacities, str(within)),
    )


def _read_capacities(path: Path, within: str) -> dict[str, list[float]]:
    table = pd.read_csv(path, dtype="str", encoding="utf-8-sig")
    missing = [name for name in (within, "capacity") if name not in table.columns]
    if missing:
        raise ParameterError(
            "plan.capacities_columns",
            f"{path.name} must have the columns {within} and capacity; "
            f"got {list(table.columns)[:10]}. Rename them.",
            file=path.name,
            columns=[within, "capacity"],
            found=[str(name) for name in table.columns][:10],
        )
    numbers = pd.to_numeric(table["capacity"], errors="coerce")
    is_bad = numbers.isna() | ~(numbers > 0)
    if is_bad.any():
        row = int(is_bad.to_numpy().argmax())
        raise ParameterError(
            "plan.capacity_number",
            f"{path.name}, line {row + 2}: capacity must be a number above 0, got "
            f"{table['capacity'].iloc[row]}. Correct it.",
            file=path.name,
            line=row + 2,
            value=str(table["capacity"].iloc[row]),
        )
    return {str(area): group.tolist() for area, group in numbers.groupby(table[within])}
