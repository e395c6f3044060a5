"""Hotspot surfaces over stored incidents."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.density import kernel_density
from geo.services import ground, incidents
from geo.store import Store


def compute(
    store: Store,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    category: str | None = None,
    cell_size_m: float = 50.0,
    bandwidth_m: float = 150.0,
) -> str:
    """The run's code, after storing the density of incidents reported in [start, end).

    A run with the same window and category replaces the earlier one.

    Raises
    ------
    ParameterError : the window holds no incident of that category
    """
    cases = incidents.in_window(
        store, start=start, end=end, categories=[category] if category else None
    )
    if cases.empty:
        raise ParameterError(
            "hotspots.no_incidents",
            f"no incident of category {category or 'any'} from {start} to {end}; "
            "widen the window or choose another category",
            category=category or "",
            start=start.isoformat(),
            end=end.isoformat(),
        )
    run = f"kde-{category or 'all'}-{start:%Y%m%dT%H}-{end:%Y%m%dT%H}"
    surface = kernel_density(
        cases,
        cell_size_m=cell_size_m,
        bandwidth_m=bandwidth_m,
        within=ground.outline(store),
    )
    rows = surface.to_frame(run=run, category=category, window_from=start, window_to=end)
    with store.transaction():
        store.delete("hotspots", where={"run": run})
        store.write("hotspots", rows, mode="append")
    return run


def runs(store: Store) -> pd.DataFrame:
    """Every stored run: run, method, category, window_from, window_to; newest window first."""
    columns = ["run", "method", "category", "window_from", "window_to"]
    rows = store.read("hotspots", columns=columns, distinct=True)
    return rows.sort_values(
        ["window_to", "category"], ascending=[False, True], na_position="first", ignore_index=True
    )


def surface(
    store: Store, *, run: str | None = None, category: str | None = None
) -> gpd.GeoDataFrame:
    """Cells of one run; by default of the newest run of that category (None: all categories)."""
    if run is None:
        known = runs(store)
        is_wanted = known["category"].isna() if category is None else known["category"] == category
        if not is_wanted.any():
            return store.read("hotspots", limit=0)
        run = str(known.loc[is_wanted, "run"].iloc[0])
    return store.read("hotspots", where={"run": run})
