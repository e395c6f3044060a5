"""Places where a category is beyond its usual places, all categories in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage

from geo.hotspots.counts.lattice import Floats, Indices, Lattice
from geo.hotspots.counts.sources import fit_mixture
from geo.hotspots.significant.false_discovery import Correction
from geo.hotspots.significant.significance import Significance, significant_cells
from geo.hotspots.significant.window_sums import window_sums

MIN_INCIDENTS = 5
"""Incidents from which a category, and a place, is looked at; fewer may be one matter."""

PATTERN_DAYS = 365
"""Days up to the window's last whose incidents tell where each category comes from: all seasons."""

SOURCE_INCIDENTS = 100
"""Incidents from which another category's own places may explain a category's; of fewer the
pattern is mostly chance."""

_GAP = 1
"""Hot cells of a category with at most twice as many cells between them are one place."""

_APART = 5
"""Empty rows between the rasters of two categories, so that no window or area spans both."""


_NONE: Indices = np.zeros(0, dtype=np.int64)
_EMPTY = {
    **{name: pd.Series(dtype=object) for name in ("category", "place", "geometry")},
    **{name: pd.Series(dtype=np.int64) for name in ("n_cells", "n_incidents")},
    **{
        name: pd.Series(dtype=np.float64)
        for name in (
            "expected", "excess", "excess_low", "excess_high", "relative_risk", "risk_low",
            "risk_high", "q",
        )
    },
}  # fmt: skip


@dataclass(frozen=True)
class HotPlaces:
    """Hot places of n categories.

    `categories` names tested; `too_few` names with fewer than `MIN_INCIDENTS`; `judged` of all
    rasters, one above the other (None without a category); `area`, `cell` of each hot cell its
    place and its index on the lattice; `group` (places,) position in `categories`.
    """

    lattice: Lattice
    categories: tuple[str, ...]
    too_few: tuple[str, ...]
    judged: Significance | None
    area: Indices
    cell: Indices
    group: Indices

    @property
    def n_places(self) -> int:
        """Number of places."""
        return len(self.group)

    def figures(self) -> pd.DataFrame:
        """A row per place: its figures and its cells as one geometry."""
        n, area, cell = self.n_places, self.area, self.cell
        if self.judged is None or not n:
            return pd.DataFrame({name: _EMPTY[name] for name in _EMPTY})
        judged, stride = self.judged, (self.lattice.shape[0] + _APART) * self.lattice.shape[1]
        at = self.group[area] * stride + cell
        excess = judged.excess.ravel()[at]
        seen = np.bincount(area, judged.counts.ravel()[at], minlength=n).astype(np.int64)
        expected = np.bincount(area, judged.expected.ravel()[at], minlength=n).astype(np.float64)
        low, high = judged.model.risk_interval(seen, expected)
        q = np.ones(n)
        np.minimum.at(q, area, judged.q.ravel()[at])
        order = np.lexsort((cell, -excess, area))
        _, begin = np.unique(area[order], return_index=True)
        return pd.DataFrame(
            {
                "category": pd.Series([self.categories[k] for k in self.group], dtype=object),
                "place": pd.Series(self.lattice.codes(cell[order][begin]), dtype=object),
                "n_cells": np.bincount(area, minlength=n),
                "n_incidents": seen,
                "expected": expected,
                "excess": seen - expected,
                "excess_low": (low - 1) * expected,
                "excess_high": (high - 1) * expected,
                "relative_risk": seen / expected,
                "risk_low": low,
                "risk_high": high,
                "q": q,
                "geometry": self._unions(),
            }
        )

    def place_of(self, rows: pd.DataFrame) -> Indices:
        """(n,) place of each incident (columns category, cell); -1 at none of its category."""
        code = _codes(rows, self.categories)
        keys = self.group[self.area] * self.lattice.n_cells + self.cell
        order = np.argsort(keys)
        wanted = code * self.lattice.n_cells + rows["cell"].to_numpy(np.int64)
        at = np.searchsorted(keys[order], wanted)
        place = np.full(len(code), -1, dtype=np.int64)
        is_near = (at < len(keys)) & (code >= 0)
        found = order[at[is_near]]
        place[is_near] = np.where(keys[found] == wanted[is_near], self.area[found], -1)
        return place

    def _unions(self) -> list[shapely.geometry.base.BaseGeometry]:
        order = np.argsort(self.area, kind="stable")
        ends = np.cumsum(np.bincount(self.area, minlength=self.n_places))
        parts = np.split(self.lattice.boxes(self.cell[order]), ends[:-1])
        return [shapely.union_all(part) for part in parts]


def rows_of_window(
    incidents: gpd.GeoDataFrame, lattice: Lattice, begin: np.datetime64, end: np.datetime64
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that count or tell the pattern, with `cell` and `since` (days from the window's
    first, below 0 before it), and how many were left out by reason."""
    points = incidents.geometry.array
    x, y = shapely.get_x(points), shapely.get_y(points)
    day = incidents["day"].to_numpy().astype("datetime64[D]")
    cell = lattice.cell_of(x, y)
    is_ground = (cell >= 0) & lattice.is_inside.ravel()[cell]
    n_days = int((end - begin).astype(np.int64)) + 1
    is_repeated = np.zeros(len(cell), dtype=bool)
    if "incident" in incidents:
        is_repeated = incidents["incident"].duplicated().to_numpy()
    reasons = {
        "duplicate": is_repeated,
        "undated": np.isnat(day),
        "future": day > end,
        "past": day <= end - max(n_days, PATTERN_DAYS),
        "unplaced": ~(np.isfinite(x) & np.isfinite(y)),
        "outside": ~is_ground,
        "uncategorised": incidents["category"].isna().to_numpy(),
    }
    is_kept, left_out = np.ones(len(cell), dtype=bool), {}
    for name, is_out in reasons.items():
        left_out[name] = int((is_kept & is_out).sum())
        is_kept &= ~is_out
    kept = pd.DataFrame(incidents.drop(columns=incidents.geometry.name))[is_kept]
    since = (day[is_kept] - begin).astype(np.int64)
    return kept.assign(cell=cell[is_kept], since=since).reset_index(drop=True), left_out


def _codes(kept: pd.DataFrame, tested: Sequence[str]) -> Indices:
    codes: Indices = pd.Index(tested).get_indexer(kept["category"]).astype(np.int64)
    return codes


def _counts(kept: pd.DataFrame, tested: Sequence[str], lattice: Lattice) -> Indices:
    """(categories, rows, cols) incidents."""
    at = _codes(kept, tested) * lattice.n_cells + kept["cell"].to_numpy(np.int64)
    flat = np.bincount(at, minlength=len(tested) * lattice.n_cells)
    return flat.reshape(len(tested), *lattice.shape).astype(np.int64)


def _expected(
    seen: Indices, past: Indices, sources: Mapping[str, Floats], lattice: Lattice
) -> Floats:
    """(categories, rows, cols) where each category is expected, summing to its incidents.

    seen : (categories, rows, cols) of the window; past : of the pattern's days, in which the
    sources' shares are fitted
    """
    totals = past.sum(axis=(1, 2))
    smooth = [window_sums(one.astype(np.float64), 1) for one in past]
    everything = sum(smooth, start=np.zeros(past.shape[1:]))
    expected = np.zeros(past.shape)
    ground = {name: source * lattice.is_inside for name, source in sources.items()}
    for k, own in enumerate(past):
        likes = {
            f"category {j}": smooth[j] for j in np.flatnonzero(totals >= SOURCE_INCIDENTS) if j != k
        }
        others = np.maximum(everything - smooth[k], 0.0)
        mixture = fit_mixture(own, {**ground, **likes, "all other categories": others})
        expected[k] = mixture.exposure * seen[k].sum()
    return expected


def hot_places(
    kept: pd.DataFrame,
    sources: Mapping[str, Floats],
    lattice: Lattice,
    *,
    alpha: float,
    correction: Correction,
) -> HotPlaces:
    """The places of all categories that have `MIN_INCIDENTS` or more in the window.

    kept : rows of `rows_of_window`
    """
    names = kept.loc[kept["since"].ge(0), "category"].value_counts()
    tested = sorted(names.index[names >= MIN_INCIDENTS])
    told = kept[kept["category"].isin(tested)]
    seen = _counts(told[told["since"].ge(0)], tested, lattice)
    expected = _expected(seen, _counts(told, tested, lattice), sources, lattice)
    too_few = tuple(sorted(set(names.index) - set(tested)))
    if not tested:
        return HotPlaces(lattice, (), too_few, None, _NONE, _NONE, _NONE)
    judged = _judged(seen, expected, lattice, alpha, correction)
    block = np.ones((3, 3))
    near = ndimage.binary_dilation(judged.is_hot, structure=block, iterations=_GAP)
    labels, n_areas = ndimage.label(near, structure=block)
    at = np.flatnonzero(judged.is_hot).astype(np.int64)
    area = labels.ravel()[at].astype(np.int64) - 1
    n = np.bincount(area, judged.counts.ravel()[at], minlength=n_areas)
    is_place = n >= MIN_INCIDENTS
    at, area = at[is_place[area]], (np.cumsum(is_place) - 1)[area[is_place[area]]]
    category, cell = np.divmod(at, (lattice.shape[0] + _APART) * lattice.shape[1])
    group = np.zeros(int(is_place.sum()), dtype=np.int64)
    group[area] = category
    return HotPlaces(lattice, tuple(tested), too_few, judged, area, cell, group)


def _judged(
    counts: Indices, expected: Floats, lattice: Lattice, alpha: float, correction: Correction
) -> Significance:
    """The cells of all categories, one raster above the other with empty rows between."""
    rows, cols = lattice.shape
    apart = [(0, 0), (0, _APART), (0, 0)]
    shape = (len(counts) * (rows + _APART), cols)
    inside = np.broadcast_to(lattice.is_inside, counts.shape)
    return significant_cells(
        np.pad(counts, apart).reshape(shape).astype(np.int64),
        np.pad(expected, apart).reshape(shape).astype(np.float64),
        is_inside=np.pad(inside, apart).reshape(shape).astype(np.bool_),
        alpha=alpha,
        correction=correction,
        known_rate=1.0,
    )
