"""Figures of a plan worked out anew from the polygons, sharing no code with the engine.

Neighbours are found by intersecting polygons, contiguity by union-find, area and perimeter by
uniting each grid's polygons, the cut length from those perimeters. Only the links between cells
that touch nowhere (islands) are the engine's own: they are an agreement, not a fact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from tests.bench.planning.instances import Instance

TOUCH_M = 1e-6
"""Cells whose common border is shorter meet in a corner and are no neighbours."""

OVERLAP_SHARE = 1e-9
"""Cells that overlap by more than this share of the ground are no coverage, and said to be none."""

SAME_BORDER_M = 1e-3
SAME_SHAPE = 1e-6
SAME_CUT = 1e-6
"""The engine's borders, mean Polsby-Popper and cut length (relative) may differ by this much."""

WITHIN = 1e-9
"""Rounding allowed when a deviation is compared to a tolerance."""


@dataclass(frozen=True)
class Ground:
    """Pairs of cells that share a border, found from the polygons, and the links of islands."""

    left: np.ndarray
    right: np.ndarray
    link_left: np.ndarray
    link_right: np.ndarray
    outline_m: float
    overlap_share: float
    trouble: str
    """What the engine's neighbours say otherwise; empty when they agree."""


@dataclass(frozen=True)
class Figures:
    """What a plan is judged by. Deviations are shares of the target."""

    n_missing: int
    n_broken: int
    n_unassigned: int
    max_deviation: float
    mean_deviation: float
    polsby_popper: float
    cut_m: float
    shapes: np.ndarray

    @property
    def n_violations(self) -> int:
        return self.n_missing + self.n_broken + self.n_unassigned

    def is_within(self, tolerance: float) -> bool:
        return self.max_deviation <= tolerance + WITHIN


def survey(instance: Instance) -> Ground:
    """Neighbours from the polygons themselves, compared to the engine's."""
    polygons = instance.cells.geometry.to_numpy()
    one, other = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    is_once = one < other
    one, other = one[is_once], other[is_once]
    common = shapely.intersection(polygons[one], polygons[other])
    length_m = shapely.length(common)
    is_border = length_m > TOUCH_M
    left, right, length_m = one[is_border], other[is_border], length_m[is_border]
    border, is_link = instance.border, instance.border.is_link
    n = len(polygons)
    ours = pd.Series(length_m, index=left * n + right)
    theirs = pd.Series(
        border.length_m[~is_link],
        index=border.left[~is_link].astype(np.int64) * n + border.right[~is_link],
    )
    theirs = theirs[theirs > TOUCH_M]
    whole = shapely.union_all(polygons)
    overlap_share = float(shapely.area(common).sum() / whole.area)
    n_only = len(ours.index.symmetric_difference(theirs.index))
    n_off = int(((ours - theirs).abs() > SAME_BORDER_M).sum())
    troubles = [
        f"{100 * overlap_share:.2g}% of the ground lies in several cells"
        if overlap_share > OVERLAP_SHARE
        else "",
        f"{n_only} neighbours differ from the engine's" if n_only else "",
        f"{n_off} borders differ in length from the engine's" if n_off else "",
    ]
    return Ground(
        left,
        right,
        border.left[is_link].astype(np.int64),
        border.right[is_link].astype(np.int64),
        outline_m=float(whole.length),
        overlap_share=overlap_share,
        trouble="; ".join(filter(None, troubles)),
    )


def judge(instance: Instance, ground: Ground, labels: np.ndarray) -> Figures:
    """The figures of a plan. Grids are 0 to n_grids - 1; other labels are no grid.

    Raises
    ------
    ValueError : a label for each cell is not there
    """
    n_cells, k = len(instance.cells), instance.n_grids
    if labels.shape != (n_cells,):
        raise ValueError(f"{n_cells} labels are wanted; got {labels.shape}")
    is_in = (labels >= 0) & (labels < k)
    polygons = pd.Series(instance.cells.geometry.to_numpy()[is_in])
    united = polygons.groupby(labels[is_in]).agg(_united)
    area_m2 = shapely.area(united.to_numpy())
    perimeter_m = shapely.length(united.to_numpy())
    shapes = 4 * np.pi * area_m2 / perimeter_m**2
    sums = pd.Series(instance.load[is_in]).groupby(labels[is_in]).sum()
    deviation = (sums / instance.target - 1).abs()
    return Figures(
        n_missing=k - len(united),
        n_broken=len(_broken(ground, labels, is_in, n_cells)),
        n_unassigned=int((~is_in).sum()),
        max_deviation=float(deviation.max()),
        mean_deviation=float(deviation.mean()),
        polsby_popper=float(shapes.mean()),
        cut_m=float(perimeter_m.sum() - ground.outline_m) / 2,
        shapes=shapes,
    )


def _united(polygons: pd.Series) -> shapely.Geometry:
    return shapely.union_all(polygons.to_numpy())


def _broken(ground: Ground, labels: np.ndarray, is_in: np.ndarray, n_cells: int) -> list[int]:
    """Labels in more than one part, by union-find with path halving."""
    above = list(range(n_cells))

    def root(cell: int) -> int:
        while above[cell] != cell:
            above[cell] = above[above[cell]]
            cell = above[cell]
        return cell

    one = np.r_[ground.left, ground.link_left]
    other = np.r_[ground.right, ground.link_right]
    is_inside = labels[one] == labels[other]
    for a, b in zip(one[is_inside].tolist(), other[is_inside].tolist(), strict=True):
        above[root(a)] = root(b)
    parts: dict[int, set[int]] = {}
    for cell in np.flatnonzero(is_in).tolist():
        parts.setdefault(int(labels[cell]), set()).add(root(cell))
    return [label for label, found in parts.items() if len(found) > 1]


def disagreement(found: Figures, theirs: dict[str, float]) -> str:
    """Where the engine's own figures (geo.planning.metrics) differ from these; empty if nowhere."""
    pairs = {
        "deviation": (found.max_deviation, theirs["max_abs_deviation"], 1e-9),
        "Polsby-Popper": (found.polsby_popper, theirs["polsby_popper_mean"], SAME_SHAPE),
        "cut length": (found.cut_m, theirs["cut_length_m"], SAME_CUT * max(1.0, found.cut_m)),
        "broken": (found.n_broken, theirs["noncontiguous"], 0),
    }
    return ", ".join(
        f"{name} {ours:.6g} here, {engine:.6g} by the engine"
        for name, (ours, engine, slack) in pairs.items()
        if abs(ours - engine) > slack
    )


def split_compounds(
    instance: Instance, ground: Ground, labels: np.ndarray, *, limit: float
) -> tuple[int, int]:
    """Compounds that fit into one grid (load <= limit, in one piece) but lie in several; and all
    that fit."""
    compound = instance.cells["compound"].factorize()[0]
    frame = pd.DataFrame({"compound": compound, "grid": labels, "load": instance.load})
    by_compound = frame.groupby("compound").agg(load=("load", "sum"), grids=("grid", "nunique"))
    in_pieces = _broken(ground, compound, compound >= 0, len(labels))
    fits = (by_compound["load"] <= limit) & ~by_compound.index.isin(in_pieces)
    return int((fits & (by_compound["grids"] > 1)).sum()), int(fits.sum())
