"""Why each border runs where it does, and what each moved piece of ground bought.

Nothing here is a story: a reason is what would happen otherwise, computed in the objective's own
terms (`geo.planning.shifts`). For a border that is the best single cell that could cross it, for a
move the plan without it.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.planning import shifts, units
from geo.planning.borders import ON_BARRIER_SHARE
from geo.planning.contiguity import Adjacency
from geo.planning.lawful import breaks_rules
from geo.planning.moves import MOVE_REASONS, explain_moves
from geo.planning.objective import Weights
from geo.planning.reasons import with_reasons
from geo.planning.rules import Rules
from geo.planning.shifts import ROUNDING

__all__ = ["BORDER_REASONS", "MOVE_REASONS", "explain_borders", "explain_moves"]

BORDER_REASONS = (
    "community_line",
    "rule",
    "barrier",
    "compound",
    "contiguity",
    "balance",
    "shape",
    "open",
)
"""Why a border runs where it does; of several that hold the first is the reason."""


def explain_borders(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    tolerance: float,
    weights: Weights | None = None,
    within: str | None = None,
    keep_whole: str | None = None,
    passable: Adjacency | None = None,
    rules: Rules | None = None,
) -> pd.DataFrame:
    """One row a pair of neighbouring grids, with what lies on their border and what holds it there.

    - `one`, `other`: the grids' labels, one < other; `length_m`: of their border
    - `barrier_share`, `barrier`, `barrier_shares`: share of the border that lies on barriers, the
      name of the one with most of it (empty for none), and the share by name
    - `wall_share`: share between cells of different compounds (or a compound and none)
    - `line_share`: share between cells of different areas
    - the best single cell that could cross, `cell` (its position, -1 where none may), `origin`,
      `to`, `load`, and all that `shifts.shift` tells of it; it is one with load where there is any
      (nobody asks about empty ground), that keeps its grid in one piece, breaks the tolerances
      least, costs least, in that order
    - `back_cell`, `back_load`, `back_excess`, `back_cost`, `back_is_contiguous`: the best one the
      other way, -1 and missing where there is none
    - `reasons`: all of these that hold, `reason`: the first

    `community_line`: no cell may cross, since all would leave their area. `rule`: no cell may
    cross by the rules. `barrier`: the border lies on barriers that no grid may cross; or half of it
    or more lies on others, the best shift would lose some of that, and does not pay.
    `compound`: half or more lies on walls and the best shift would split a compound, or that is
    the greatest part of its cost. `contiguity`: every shift would tear a grid apart. `balance`: the
    best shift breaks a tolerance. `shape`: it would cost shape or border. `open`: it would do no
    harm; nothing in the objective holds the border there.

    Parameters
    ----------
    adjacency : of these cells; its pairs are the borders
    labels : grid of each cell, 0 to k - 1; negative for none
    load : column that is balanced
    target : wanted load of a grid: one number or one a grid
    tolerance : allowed |load - target| / target
    weights : of the objective
    within : column of the area that no grid may leave
    keep_whole : column of the compound that is not split while it fits into one grid
    passable : pairs by which grids may hang together, where barriers are closed; else `adjacency`
    rules : further hard demands of the plan

    Raises
    ------
    ParameterError : labels, adjacency and cells do not match, or the rules contradict each other
    """
    labels, demands = np.asarray(labels), rules or Rules()
    area = units.area_codes(cells, within)
    standing = shifts.standing_of(
        cells,
        passable or adjacency,
        labels,
        load=load,
        target=target,
        tolerance=tolerance,
        weights=weights,
        area=area,
        keep_whole=keep_whole,
        balance=demands.balance,
    )
    rows = _border_facts(cells, adjacency, labels, area, keep_whole)
    tried = shifts.shift(standing, *shifts.possible(standing))
    unit, to = tried["unit"].to_numpy(), tried["to"].to_numpy()
    is_barred = breaks_rules(cells, adjacency, standing, unit, to, rules=demands, area=area)
    tried["one"] = np.minimum(tried["origin"], tried["to"])
    tried["other"] = np.maximum(tried["origin"], tried["to"])
    borders = ["one", "other"]
    has_barred = tried.loc[is_barred, borders].drop_duplicates().assign(is_barred=True)
    tried = tried[~is_barred].copy()
    tried["breaks"] = tried["excess"].where(tried["excess"] > ROUNDING, 0.0)
    tried["is_empty"], tried["tears"] = tried["load"] <= 0, ~tried["is_contiguous"]
    tried = tried.sort_values([*borders, "is_empty", "tears", "breaks", "cost", "unit", "to"])
    ways = tried.drop_duplicates([*borders, "origin"])
    ways = ways.drop(columns=["is_empty", "tears", "breaks"])
    ways = ways.rename(columns={"unit": "cell"})
    best, back = ways.drop_duplicates(borders), ways[ways.duplicated(borders)]
    names = ["cell", "load", "excess", "cost", "is_contiguous"]
    back = back[[*borders, *names]].rename(columns={name: f"back_{name}" for name in names})
    for more in (best, back, has_barred):
        rows = rows.merge(more, how="left", on=borders)
    for column in ("cell", "origin", "to", "back_cell"):
        rows[column] = rows[column].fillna(-1).astype("int64")
    return with_reasons(rows, _reasons(rows), BORDER_REASONS).drop(columns="is_barred")


def _border_facts(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    area: np.ndarray,
    keep_whole: str | None,
) -> pd.DataFrame:
    """What lies on the border of each two grids, by length."""
    left, right = adjacency.left, adjacency.right
    is_border = (labels[left] != labels[right]) & (labels[left] >= 0) & (labels[right] >= 0)
    left, right = left[is_border], right[is_border]
    pairs = pd.DataFrame(
        {
            "one": np.minimum(labels[left], labels[right]).astype(np.int64),
            "other": np.maximum(labels[left], labels[right]).astype(np.int64),
            "length_m": adjacency.length_m[is_border],
            "barrier": adjacency.barrier[is_border],
        }
    )
    pairs["line_m"] = np.where(area[left] != area[right], pairs["length_m"], 0.0)
    compound = units.area_codes(cells, keep_whole)
    is_none = np.zeros(len(cells), dtype=bool) if keep_whole is None else cells[keep_whole].isna()
    compound = np.where(is_none, -1, compound)
    pairs["wall_m"] = np.where(compound[left] != compound[right], pairs["length_m"], 0.0)
    sums = pairs.groupby(["one", "other"])[["length_m", "line_m", "wall_m"]].sum()
    named = pairs[pairs["barrier"] != ""].groupby(["one", "other", "barrier"])["length_m"].sum()
    by_border: dict[tuple[int, int], dict[str, float]] = {}
    for (one, other, name), length_m in named[named > 0].items():
        share = float(length_m / sums.at[(one, other), "length_m"])
        by_border.setdefault((one, other), {})[str(name)] = share
    told = [by_border.get(border, {}) for border in sums.index]
    found = sums[["length_m"]].copy()
    found["barrier_share"] = [sum(share.values()) for share in told]
    found["barrier"] = [max(share, key=lambda name: share[name], default="") for share in told]
    found["barrier_shares"] = told
    found["wall_share"] = (sums["wall_m"] / sums["length_m"]).fillna(0.0)
    found["line_share"] = (sums["line_m"] / sums["length_m"]).fillna(0.0)
    return found.reset_index()


def _reasons(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Which reasons hold for each border."""
    has_shift = rows["cell"] >= 0
    by_rule = ~has_shift & rows["is_barred"].eq(True)
    on_line = ~has_shift & ~by_rule & (rows["line_share"] > 0)
    is_closed = ~has_shift & ~by_rule & ~on_line & (rows["barrier_share"] > 0)
    holds = rows["is_contiguous"].eq(True)
    breaks = has_shift & (rows["excess"] > ROUNDING)
    costs = has_shift & (rows["cost"] > ROUNDING)
    matters = breaks | costs | (has_shift & ~holds)
    is_on_barrier = (rows["barrier_share"] >= ON_BARRIER_SHARE) & (rows["barrier_cost"] > ROUNDING)
    is_split = rows["split_cost"] > ROUNDING
    is_on_wall = rows["wall_share"] >= ON_BARRIER_SHARE
    others = rows[["shape_cost", "border_cost", "barrier_cost"]].max(axis=1)
    is_mostly_split = costs & (rows["split_cost"] >= others)
    by_barrier = is_closed | (matters & is_on_barrier)
    by_compound = matters & is_split & (is_on_wall | is_mostly_split)
    # costs that nothing else explains are small ones of a barrier against the shape
    is_left = ~(by_barrier | by_compound | breaks | ~holds)
    return {
        "community_line": on_line,
        "rule": by_rule,
        "barrier": by_barrier,
        "compound": by_compound,
        "contiguity": ~holds & ~by_rule & ~on_line & ~is_closed,
        "balance": breaks,
        "shape": costs & ((rows["shape_cost"] + rows["border_cost"] > ROUNDING) | is_left),
        "open": has_shift & ~matters,
    }
