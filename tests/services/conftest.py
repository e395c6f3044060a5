"""A town small enough to draw: two communities side by side, eight buildings in each.

Each community is 200 m by 200 m; buildings stand in two columns of four, 20 m by 10 m, with ten
households each. A target of 40 therefore asks for two grids a community.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.schema import LAYERS, check_frame
from geo.store import Store

CRS = "EPSG:4549"
WEST, SOUTH = 480_000.0, 4_420_000.0


def frame_of(layer: str, rows: dict[str, object], geometry: list[object]) -> gpd.GeoDataFrame:
    """A frame of that layer, every row good."""
    checked = check_frame(LAYERS[layer], gpd.GeoDataFrame(rows, geometry=geometry, crs=CRS))
    assert checked.n_rejected == 0, checked.rejects
    return checked.accepted


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """A box by its lower left corner, in metres from the town's own."""
    return shapely.box(WEST + x, SOUTH + y, WEST + x + width, SOUTH + y + height)


def communities() -> gpd.GeoDataFrame:
    return frame_of(
        "communities",
        {"community": ["990101001001", "990101001002"], "name": ["东社区", "西社区"]},
        [box(0, 0, 200, 200), box(200, 0, 200, 200)],
    )


def buildings() -> gpd.GeoDataFrame:
    corners = [(x + 200 * c, 20 + 45 * r) for c in range(2) for x in (40, 140) for r in range(4)]
    return frame_of(
        "buildings",
        {
            "building": [f"B{n:02d}" for n in range(16)],
            "households": 10,
            "people": 20,
            "use": "residential",
            "floors": 5,
        },
        [box(x, y, 20, 10) for x, y in corners],
    )


def incident_at(points: dict[str, tuple[float, float]], **columns: object) -> gpd.GeoDataFrame:
    """Incidents by case number at places in metres from the town's corner."""
    rows: dict[str, object] = {
        "incident": list(points),
        "category": "0101",
        "status": "closed",
        "reported_at": pd.Timestamp("2026-03-01T04:00Z"),
    }
    rows.update(columns)
    places = [shapely.Point(WEST + x, SOUTH + y) for x, y in points.values()]
    return frame_of("incidents", rows, places)


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "wangge.db") as store:
        yield store


@pytest.fixture
def store(empty_store: Store) -> Store:
    """The small town's ground and buildings, nothing planned."""
    empty_store.set_crs(CRS)
    empty_store.write("communities", communities())
    empty_store.write("buildings", buildings())
    return empty_store
