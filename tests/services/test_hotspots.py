"""Hotspot runs over stored incidents."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from geo.errors import ParameterError
from geo.services import clock, hotspots
from geo.store import Store
from tests.services.conftest import incident_at


def window(store: Store) -> dict[str, object]:
    start, end = clock.window_of_days(store, date(2026, 1, 1), date(2026, 12, 31))
    return {"start": start, "end": end}


def test_compute_density_holds_the_mass_of_its_incidents(store: Store) -> None:
    store.write("incidents", incident_at({f"c{n}": (200.0, 100.0) for n in range(7)}))
    run = hotspots.compute(store, **window(store), cell_size_m=20, bandwidth_m=60)  # type: ignore[arg-type]
    cells = hotspots.surface(store, run=run)
    assert cells["n_incidents"].sum() == 7
    mass = (cells["density_per_km2"] * 20 * 20 / 1e6).sum()
    assert mass == pytest.approx(7, rel=0.01)
    assert np.isfinite(cells["density_per_km2"]).all()


def test_compute_same_window_again_replaces_the_run(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0)}))
    first = hotspots.compute(store, **window(store))  # type: ignore[arg-type]
    n_cells = store.count("hotspots")
    assert hotspots.compute(store, **window(store)) == first  # type: ignore[arg-type]
    assert store.count("hotspots") == n_cells
    assert len(hotspots.runs(store)) == 1


def test_compute_no_incident_in_the_window_is_said(store: Store) -> None:
    with pytest.raises(ParameterError) as caught:
        hotspots.compute(store, **window(store))  # type: ignore[arg-type]
    assert caught.value.code == "hotspots.no_incidents"


def test_surface_by_category_takes_that_categorys_run(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0), "b": (40.0, 40.0)}))
    store.update("incidents", {"category": "0102"}, where={"incident": "b"})
    hotspots.compute(store, **window(store))  # type: ignore[arg-type]
    hotspots.compute(store, **window(store), category="0102")  # type: ignore[arg-type]
    assert hotspots.surface(store)["n_incidents"].sum() == 2
    assert hotspots.surface(store, category="0102")["n_incidents"].sum() == 1
    assert len(hotspots.surface(store, category="0103")) == 0
