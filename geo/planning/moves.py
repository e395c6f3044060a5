"""What each piece of ground bought that went from one grid to another."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.planning import metrics, shifts, units
from geo.planning.contiguity import Adjacency, connected_parts
from geo.planning.lawful import breaks_rules
from geo.planning.objective import Weights
from geo.planning.reasons import with_reasons
from geo.planning.rules import Rules
from geo.planning.shifts import ROUNDING, TERMS, Standing

MOVE_REASONS = (
    "assigned",
    "unassigned",
    "opened",
    "closed",
    "community_line",
    "rule",
    "contiguity",
    "balance",
    "chain",
    "compound",
    "shape",
    "open",
)
"""What a move was for; of several that hold the first is the reason."""


def explain_moves(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    before: np.ndarray,
    after: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    tolerance: float,
    weights: Weights | None = None,
    within: str | None = None,
    keep_whole: str | None = None,
    rules: Rules | None = None,
) -> pd.DataFrame:
    """One row a connected group of cells that went from one grid to another, in cell order.

    What a group bought is the difference between the new plan and the new plan without its move.

    - `cells`: positions of the group's cells; `n_cells`, `load`
    - `origin`, `to`: the grids' labels, -1 for none
    - `deviation_origin_before`, `deviation_origin`, `deviation_to_before`, `deviation_to`: of both
      grids in the old plan and in the new one, by the present loads; missing for no grid
    - `excess_saved`: how much farther both grids would lie outside the tolerances without the
      move, in targets; `balanced`: the load that does most of it; `cost` and its parts (see
      `shifts.shift`): what the move costs, below 0 is a gain; missing where a grid was opened or
      closed
    - `stays_contiguous`: the grid it came to would be in one piece without it
    - `parts_saved`: in how many fewer pieces the two grids are than before
    - `reasons`: all of these that hold, `reason`: the first

    `assigned`, `unassigned`: it had no grid before, or has none now. `opened`, `closed`: the grid
    it came to is new, the one it left is gone. `community_line`: it lay outside the area of the
    rest of its grid. `rule`: it could not have stayed by the rules. `contiguity`: it was torn off
    its grid, or joins pieces of the other. `balance`: without it both would lie farther outside a
    tolerance. `chain`: likewise, though both were within before: it passes on what others brought.
    `compound`: without it a compound would be split. `shape`: without it shape and borders would
    cost more. `open`: none of these.

    Parameters
    ----------
    adjacency : of these cells, the pairs by which grids may hang together
    before, after : grid of each cell in either plan, the same label for the same grid, 0 to k - 1;
        negative for none
    load : column that is balanced
    target : wanted load of a grid: one number or one a grid
    tolerance : allowed |load - target| / target
    weights : of the objective
    within : column of the area that no grid may leave
    keep_whole : column of the compound that is not split while it fits into one grid
    rules : further hard demands of the plan

    Raises
    ------
    ParameterError : labels, adjacency and cells do not match, or the rules contradict each other
    """
    demands = rules or Rules()
    before, after = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
    area = units.area_codes(cells, within)
    unit = _groups(adjacency, before, after, area)
    k = int(max(before.max(initial=-1), after.max(initial=-1))) + 1
    old, new = (
        shifts.standing_of(
            cells,
            adjacency,
            labels,
            load=load,
            target=np.broadcast_to(np.asarray(target, dtype="float64"), (k,)),
            tolerance=tolerance,
            weights=weights,
            area=area,
            keep_whole=keep_whole,
            balance=demands.balance,
            unit=unit,
        )
        for labels in (before, after)
    )
    rows = _group_rows(before, after, unit)
    rows["load"] = new.loads[rows["group"], 0]
    for side in ("origin", "to"):
        for when, standing in (("_before", old), ("", new)):
            rows[f"deviation_{side}{when}"] = _deviation(standing, rows[side].to_numpy())
    undone = _undone(new, rows)
    undone["is_barred"] = breaks_rules(
        cells,
        adjacency,
        new,
        undone["group"].to_numpy(),
        undone.pop("back_to").to_numpy(),
        rules=demands,
        area=area,
    )
    rows = rows.merge(undone, how="left", on="group")
    facts = _facts(adjacency, before, after, area, rows)
    rows["parts_saved"] = facts["parts_saved"]
    found = with_reasons(rows, _reasons(rows, facts, tolerance), MOVE_REASONS)
    found = found.sort_values("first", ignore_index=True)
    return found.drop(columns=["group", "first", "is_barred"])


def _groups(
    adjacency: Adjacency, before: np.ndarray, after: np.ndarray, area: np.ndarray
) -> np.ndarray:
    """The unit of each cell: neighbours that moved together are one, all others single."""
    left, right = adjacency.left, adjacency.right
    is_one = (before != after)[left] & (before[left] == before[right])
    is_one &= (after[left] == after[right]) & (area[left] == area[right])
    unit: np.ndarray = connected_parts(left[is_one], right[is_one], len(before)).astype(np.int64)
    return unit


def _group_rows(before: np.ndarray, after: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """One row a unit that moved: `group` its number, `first` its first cell, and where it went."""
    moved = np.flatnonzero(before != after)
    group, first, count = np.unique(unit[moved], return_index=True, return_counts=True)
    first = moved[first]
    in_order = moved[np.argsort(unit[moved], kind="stable")]
    members = np.split(in_order, np.cumsum(count)[:-1])[: len(group)]
    rows = pd.DataFrame({"group": group, "first": first, "origin": before[first]})
    rows["to"] = after[first]
    rows["cells"] = [tuple(cells.tolist()) for cells in members]
    rows["n_cells"] = count
    return rows


def _deviation(standing: Standing, grid: np.ndarray) -> np.ndarray:
    """(load - target) / target of each grid, missing for one without a cell."""
    k = len(standing.target)
    off = np.append(standing.shares()[:, 0] - 1, np.nan)
    off[:k][np.bincount(standing.labels, minlength=k + 1)[:k] == 0] = np.nan
    found: np.ndarray = off[np.where(grid >= 0, grid, k)]
    return found


def _undone(new: Standing, rows: pd.DataFrame) -> pd.DataFrame:
    """What the new plan saves and costs against itself with one group given back."""
    is_both = rows[["deviation_origin_before", "deviation_origin", "deviation_to_before"]].notna()
    kept = rows[is_both.all(axis=1) & (rows["to"] >= 0)]
    back = shifts.shift(new, kept["group"].to_numpy(), kept["origin"].to_numpy())
    found = pd.DataFrame({"group": kept["group"].to_numpy(), "excess_saved": back["excess"]})
    found["back_to"], found["balanced"] = back["to"], back["balanced"]
    for term in ("cost", *TERMS):
        found[term] = -back[term]
    found["stays_contiguous"] = back["is_contiguous"]
    return found


def _facts(
    adjacency: Adjacency,
    before: np.ndarray,
    after: np.ndarray,
    area: np.ndarray,
    rows: pd.DataFrame,
) -> pd.DataFrame:
    """What the old plan's grids were like where each group left and came."""
    k = int(max(before.max(initial=-1), after.max(initial=-1))) + 1
    cells_before, cells_after = (
        np.append(np.bincount(labels[labels >= 0], minlength=k), 0) for labels in (before, after)
    )
    parts_before, parts_after = (
        np.append(metrics.count_parts(adjacency, labels, k), 0) for labels in (before, after)
    )
    origin, to = (np.where(rows[side] >= 0, rows[side], k) for side in ("origin", "to"))
    first = rows["first"].to_numpy()
    is_inside = before[adjacency.left] == before[adjacency.right]
    piece = connected_parts(
        adjacency.left[is_inside], adjacency.right[is_inside], len(before)
    ).astype(np.int64)
    home = np.append(_most_frequent(after, area, k), -1)
    return pd.DataFrame(
        {
            "is_opened": (origin < k) & (to < k) & (cells_before[to] == 0),
            "is_closed": (origin < k) & (to < k) & (cells_after[origin] == 0),
            "is_outside": (home[origin] >= 0) & (home[origin] != area[first]),
            "is_torn": (origin < k)
            & (piece[first] != np.append(_most_frequent(before, piece, k), -1)[origin]),
            "is_joining": parts_after[to] < parts_before[to],
            "parts_saved": (
                parts_before[origin] + parts_before[to] - parts_after[origin] - parts_after[to]
            ),
        }
    )


def _most_frequent(labels: np.ndarray, value: np.ndarray, k: int) -> np.ndarray:
    """The value that most cells of each grid have, the lowest on a tie; -1 for an empty grid."""
    found = np.full(k, -1, dtype=np.int64)
    held = labels >= 0
    pairs, count = np.unique(
        np.stack([labels[held], value[held]], axis=1), axis=0, return_counts=True
    )
    order = np.lexsort((pairs[:, 1], -count, pairs[:, 0]))
    grids, first = np.unique(pairs[order, 0], return_index=True)
    found[grids] = pairs[order][first, 1]
    return found


def _reasons(rows: pd.DataFrame, facts: pd.DataFrame, tolerance: float) -> dict[str, pd.Series]:
    """Which reasons hold for each group."""
    was_within = pd.Series(True, index=rows.index)
    for side in ("origin", "to"):
        was_within &= rows[f"deviation_{side}_before"].abs() <= tolerance + ROUNDING
    has_both = (rows["origin"] >= 0) & (rows["to"] >= 0)
    would_tear = rows["stays_contiguous"].eq(False)
    is_needed = rows["excess_saved"] > ROUNDING
    saves = -rows[["shape_cost", "border_cost", "barrier_cost"]].sum(axis=1, skipna=False)
    found = {
        "assigned": rows["origin"] < 0,
        "unassigned": rows["to"] < 0,
        "opened": facts["is_opened"],
        "closed": facts["is_closed"],
        "community_line": has_both & facts["is_outside"],
        "rule": rows["is_barred"].eq(True),
        "contiguity": has_both & (facts["is_torn"] | (facts["is_joining"] & would_tear)),
        "balance": is_needed & ~was_within,
        "chain": is_needed & was_within,
        "compound": rows["split_cost"] < -ROUNDING,
        "shape": saves > ROUNDING,
    }
    is_any = pd.concat(found, axis=1).any(axis=1) if len(rows) else pd.Series(dtype=bool)
    return {**found, "open": ~is_any}
