"""How dense incidents are, on the ground and along streets, and where the next are expected."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array

from geo.hotspots.counts.lattice import Floats, Indices
from geo.hotspots.surfaces.density import density_of_counts
from geo.hotspots.surfaces.forecast import forecast
from geo.hotspots.surfaces.street_density import street_density
from geo.services.hotspots.asking import Analysis, Asked, boxes_as_areas, cell_table, note

FAINTEST = 0.01
"""Share of the greatest value below which a cell is not drawn."""

MOST_PEAKS = 30
WEEK_DAYS = 7
HORIZON_WEEKS = 4
LEAST_WEEKS = 13
MOST_WEEKS = 157
"""Fewest and most weeks of the past from which four weeks are foreseen: a quarter, three years."""


def density(asked: Asked) -> Analysis:
    """Incidents per km2, smoothed; says nothing about significance."""
    counts = asked.counts
    values = density_of_counts(
        counts.astype(np.float64),
        asked.lattice,
        bandwidth_m=asked.question.bandwidth_m,
        kernel="quartic",
    )
    at = _shown(values)
    cells = cell_table(
        at,
        n_incidents=counts.ravel()[at],
        density_per_km2=values.ravel()[at],
        value=values.ravel()[at],
    )
    is_peak = (values == ndimage.maximum_filter(values, size=3)).ravel()[at]
    peaks = cells[is_peak].nlargest(MOST_PEAKS, "value")
    areas = boxes_as_areas(asked.lattice, peaks, verdict="peak")
    notes = [note("density")] if len(at) else [note("no_incidents")]
    return asked.answer(cells, areas, unit="per_km2", notes=notes)


def streets(asked: Asked) -> Analysis:
    """Incidents per km of street, along the streets."""
    lines = asked.store.read("streets", columns=["street", "geometry"])
    cases = asked.incidents
    if lines.empty or cases.empty:
        missing = "no_streets" if lines.empty else "no_incidents"
        return asked.answer(None, None, unit="per_km", notes=[note(missing)])
    pieces = street_density(cases, lines, bandwidth_m=asked.question.bandwidth_m)
    is_shown = pieces["density_per_km"] > pieces["density_per_km"].max() * FAINTEST
    shown = pieces[is_shown].sort_values("density_per_km", ascending=False, kind="stable")
    keys = lines["street"].to_numpy(dtype=object)[shown["street"].to_numpy()]
    areas = gpd.GeoDataFrame(
        {
            "area": [f"{key}/{row}" for key, row in zip(keys, shown.index, strict=True)],
            "verdict": "street",
            "n_incidents": shown["n_incidents"].to_numpy(),
            "density_per_km": shown["density_per_km"].to_numpy(),
            "value": shown["density_per_km"].to_numpy(),
        },
        geometry=shown.geometry.array,
        crs=pieces.crs,
    )
    n_left_out = int(pieces.attrs["n_left_out"])
    notes = [note("off_streets", n=n_left_out)] if n_left_out else []
    return asked.answer(None, areas, unit="per_km", notes=notes)


def next_month(asked: Asked) -> Analysis:
    """Where the four weeks after the window's last day are expected to bring most."""
    q, cube, is_inside = asked.question, asked.town.cube, asked.lattice.is_inside
    last, first = np.datetime64(q.last, "D"), cube.first_day
    n_days = int((last - first).astype(np.int64)) + 1 if first is not None else 0
    n_weeks = min(n_days // WEEK_DAYS, MOST_WEEKS)
    if n_weeks < LEAST_WEEKS:
        short = note("short_past", n=LEAST_WEEKS * WEEK_DAYS)
        return asked.answer(None, None, unit="expected", notes=[short])
    since = last - n_weeks * WEEK_DAYS + 1
    cell, counts, _ = cube.series(since, last, category=q.category, period=WEEK_DAYS)
    if not len(cell):
        return asked.answer(None, None, unit="expected", notes=[note("no_incidents")])
    weeks = _by_period(cell, counts, is_inside.size)
    expected = forecast(weeks, is_inside=is_inside, horizon=HORIZON_WEEKS)
    at = _shown(expected)
    cells = cell_table(
        at,
        n_incidents=asked.counts.ravel()[at],
        expected=expected.ravel()[at],
        value=expected.ravel()[at],
    )
    top = boxes_as_areas(asked.lattice, cells.nlargest(MOST_PEAKS, "value"), verdict="forecast")
    return asked.answer(
        cells,
        top,
        unit="expected",
        n_expected=float(expected.sum()),
        n_weeks=n_weeks,
        notes=[note("forecast", n=n_weeks)],
    )


def _shown(values: Floats) -> Indices:
    """Cells whose value is worth drawing."""
    greatest = values.max()
    at: Indices = np.flatnonzero(values > greatest * FAINTEST) if greatest > 0 else np.zeros(0, int)
    return at


def _by_period(cell: Indices, counts: Indices, n_cells: int) -> csr_array:
    """(periods, cells) sparse counts from the counts (k, periods) of some cells."""
    period, row = np.nonzero(counts.T)
    values = counts.T[period, row].astype(np.float64)
    return csr_array((values, (period, cell[row])), shape=(counts.shape[1], n_cells))
