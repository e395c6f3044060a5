"""Three real towns from their files to a published plan, each as an office would do it."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.services import imports, plans
from geo.services.ground import outline
from geo.store import Store

DATA = (Path(__file__).parents[2] / "../shared/data").resolve()
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"REAL DATA ABSENT: {DATA} is not there, no real town is planned"
)


def take_in(
    store: Store, file: Path, layer: str, source_layer: str | None = None, *, rejects_dir: Path
) -> int:
    """How many rows of the file the store took."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pyogrio")  # unclosed rings of the OSM extract
        taken = imports.import_file(
            store, layer, file, source_layer=source_layer, rejects_dir=rejects_dir, now=NOW
        )
    return taken.accepted


def planned(store: Store, *, target: float, time_limit_s: float) -> dict[str, Any]:
    """The plan's figures, after checking what holds for every plan."""
    made = plans.make_plan(
        store,
        target=target,
        effective_from=date(2026, 3, 2),
        now=NOW,
        time_limit_s=time_limit_s,
    )
    grids = plans.grids(store, made.plan)
    assert made.report["noncontiguous"] == 0
    assert made.report["unassigned"] == 0
    assert made.report["n_grids"] == len(grids)
    assert_exact(grids, outline(store))
    return made.report


def assert_exact(grids: gpd.GeoDataFrame, ground: shapely.Geometry) -> None:
    shapes = grids.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    apart = shapely.symmetric_difference(ground, shapely.union_all(shapes))
    assert apart.area <= 1e-6 * ground.area


def test_make_plan_of_beijing_estimates_households_from_floors_and_names(
    empty_store: Store, tmp_path: Path
) -> None:
    file = DATA / "beijing_tuanjiehu_sanlitun_hujialou.gpkg"
    assert take_in(empty_store, file, "subdistricts", "subdistricts", rejects_dir=tmp_path) == 3
    assert take_in(empty_store, file, "compounds", "estates", rejects_dir=tmp_path) == 70
    assert take_in(empty_store, file, "buildings", "buildings", rejects_dir=tmp_path) == 1738
    buildings = empty_store.read("buildings").set_index("name")
    assert buildings["households_estimated"].all()
    # a stadium, and an office tower; flats that are named after the office tower's owner
    assert buildings.loc[["北京工人体育场", "渣打大厦"], "households"].tolist() == [0, 0]
    assert buildings.loc["北京财富中心公寓", "households"] > 0
    report = planned(empty_store, target=400.0, time_limit_s=5.0)
    # three inner subdistricts of 7.3 km2
    assert 45_000 < report["households"] < 90_000
    assert report["n_grids"] == pytest.approx(report["households"] / 400, rel=0.1)
    cells = empty_store.read("cells")
    assert cells.loc[cells["households"] > 0, "households_estimated"].all()
    assert cells["n_buildings"].sum() == 1738


def test_make_plan_of_monaco_has_about_its_people(empty_store: Store, tmp_path: Path) -> None:
    file = DATA / "monaco.osm"
    for layer, n_rows in (("subdistricts", 1), ("buildings", 966), ("barriers", 177)):
        assert take_in(empty_store, file, layer, rejects_dir=tmp_path) == n_rows
    report = planned(empty_store, target=380.0, time_limit_s=5.0)
    cells = empty_store.read("cells")
    # 36,000 people live there
    assert cells["people"].sum() == pytest.approx(36_000, rel=0.25)
    assert cells.loc[cells["households"] > 0, "households_estimated"].all()
    assert cells["n_buildings"].sum() + report["n_outside"] == 966


def test_make_plan_of_a_changchun_district_keeps_its_counted_households(
    empty_store: Store, tmp_path: Path
) -> None:
    estates = gpd.read_file(DATA / "changchun_estates_network.gpkg", layer="estates")
    file = tmp_path / "净月区.gpkg"
    estates[estates["district"] == "净月区"].to_file(file, layer="estates")
    assert take_in(empty_store, file, "compounds", "estates", rejects_dir=tmp_path) == 146
    report = planned(empty_store, target=400.0, time_limit_s=5.0)
    # counted in the file: 85,748 households, about 214 grids
    assert report["households"] == 85_748
    assert report["n_outside"] == 0
    assert report["n_grids"] == pytest.approx(214, abs=2)
    cells = empty_store.read("cells")
    is_split = cells.groupby("compound")["cell"].transform("size") > 1
    assert cells.loc[is_split, "households_estimated"].all()
    assert not cells.loc[~is_split, "households_estimated"].any()
    deviation = plans.grids(empty_store, str(plans.current(empty_store)))["deviation"]
    assert np.median(np.abs(deviation)) < 0.05
