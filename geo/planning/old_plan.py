"""An old plan as it is handed in: its codes as numbers and back, and what it must be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ParameterError, SchemaError
from geo.planning import options
from geo.planning.checks import Finding
from geo.planning.contiguity import Adjacency
from geo.planning.reading import read_labels

NO_GRID = -1


@dataclass(frozen=True)
class OldPlan:
    """`labels` of the cells, 0 to k - 1 or -1; `codes` of the grids; what was odd."""

    labels: np.ndarray
    codes: list[Any]
    is_numbers: bool
    findings: list[Finding]

    def written(self, labels: np.ndarray, given: pd.Series) -> np.ndarray:
        """Labels in the plan's own codes; cells whose grid is as before keep what they had."""
        if self.is_numbers:
            codes = np.array([*self.codes, NO_GRID], dtype=given.to_numpy().dtype)
            numbers: np.ndarray = np.where(labels == self.labels, given.to_numpy(), codes[labels])
            return numbers
        written: np.ndarray = given.to_numpy(dtype=object).copy()
        for cell in np.flatnonzero(labels != self.labels).tolist():
            written[cell] = self.codes[labels[cell]]
        return written


def read_plan(given: pd.Series, keys: np.ndarray) -> OldPlan:
    """The plan in a column of codes or whole numbers, cells named by their keys.

    Raises
    ------
    ParameterError : no cell has a grid
    """
    is_numbers = pd.api.types.is_integer_dtype(given) and not given.isna().any()
    if is_numbers:
        values = given.to_numpy(dtype=np.int64)
        numbers = np.unique(values[values >= 0])
        labels = np.where(values >= 0, np.searchsorted(numbers, values), NO_GRID)
        plan = OldPlan(labels.astype(np.int64), numbers.tolist(), True, [])
    else:
        labels, codes, findings = read_labels(given.reset_index(drop=True), pd.Series(keys))
        # cells without a grid are told as attached or stranded
        odd = [one for one in findings if one.code != "reading.unassigned"]
        plan = OldPlan(labels, list(codes), False, odd)
    if not plan.codes:
        raise ParameterError(
            "rebalance.no_plan", "no cell has a grid; there is no plan to rebalance. Make a new one"
        )
    return plan


def locked_mask(codes: list[Any], locked_grids: Sequence[Any]) -> np.ndarray:
    """Mask of the grids that are locked.

    Raises
    ------
    ParameterError : one of them is not a grid of the plan
    """
    unknown = [str(grid) for grid in locked_grids if grid not in codes]
    if unknown:
        raise ParameterError(
            "rebalance.unknown_grids",
            f"locked grids must be grids of the plan; {unknown[:3]} are not. Correct them.",
            count=len(unknown),
            keys=unknown[:3],
        )
    return np.isin(np.arange(len(codes)), [codes.index(grid) for grid in locked_grids])


def check_options(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    load: str,
    current: str | np.ndarray | pd.Series,
    target: float | None,
    tolerance: float,
    time_limit_s: float | None,
    locked: np.ndarray | None,
) -> None:
    """Raise where an option of `rebalance` cannot be used."""
    columns = [load, current] if isinstance(current, str) else [load]
    missing = [name for name in columns if name not in cells.columns]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"cells must have the columns {missing}; got {list(cells.columns)[:20]}. Name others.",
            layer="cells",
            columns=missing,
            found=[str(name) for name in cells.columns][:20],
        )
    for name, given in (("current", current), ("locked", locked)):
        if given is not None and not isinstance(given, str) and len(given) != len(cells):
            raise ParameterError(
                "rebalance.length",
                f"{name} must have one value a cell, {len(cells)}; got {len(given)}",
                name=name,
                n_cells=len(cells),
                n_given=len(given),
            )
    options.check_target(target)
    options.check_tolerance(tolerance)
    options.check_run(cells, adjacency, time_limit_s=time_limit_s)
