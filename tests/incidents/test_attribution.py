"""Half-open attribution: every point of the covered ground in exactly one grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, GeometryError, ParameterError
from geo.incidents.attribution import attribute

CRS = "EPSG:4551"


def frame_of_grids(**polygons: shapely.Geometry) -> gpd.GeoDataFrame:
    codes = list(polygons)
    return gpd.GeoDataFrame(
        {"plan": "P1", "grid": codes, "community": [f"{code}-community" for code in codes]},
        geometry=list(polygons.values()),
        crs=CRS,
    )


def frame_of_points(*xy: tuple[float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"incident": [f"I{k}" for k in range(len(xy))]},
        geometry=[shapely.Point(*at) for at in xy],
        crs=CRS,
    )


def grid_of(grids: gpd.GeoDataFrame, *xy: tuple[float, float]) -> list[str | None]:
    found = attribute(frame_of_points(*xy), grids)["grid"]
    return found.astype(object).where(found.notna(), None).tolist()


# c | d     unit squares, a at the origin
# --+--
# a | b
SQUARES = frame_of_grids(
    a=shapely.box(0, 0, 1, 1),
    b=shapely.box(1, 0, 2, 1),
    c=shapely.box(0, 1, 1, 2),
    d=shapely.box(1, 1, 2, 2),
)


def test_attribute_inside_gives_grid_plan_and_community() -> None:
    row = attribute(frame_of_points((0.5, 0.5)), SQUARES).iloc[0]
    assert (row["grid"], row["plan"], row["community"]) == ("a", "P1", "a-community")


def test_attribute_on_shared_border_goes_east_then_north() -> None:
    # a|b at x = 1: just east is b. a/c at y = 1 runs east, so just north: c. The corner: d.
    assert grid_of(SQUARES, (1, 0.5), (0.5, 1), (1, 1)) == ["b", "c", "d"]


def test_attribute_on_outline_goes_to_the_grid_that_touches() -> None:
    # East outline (2, .5): no grid east, north of it is the border itself -> b again, by north.
    # Corner (2, 1): north is d. Top (1, 2): east and north are outside, west is c. Outer corners.
    points = [(2, 0.5), (2, 1), (1, 2), (0, 0), (2, 0), (0, 2), (2, 2)]
    assert grid_of(SQUARES, *points) == ["b", "d", "c", "a", "b", "c", "d"]


def test_attribute_at_outward_spikes_gives_the_lowest_code() -> None:
    # Two slivers meet at the origin, at about 27 and 63 degrees: no grid lies due east, north,
    # west or south of it.
    low = shapely.Polygon([(0, 0), (4, 1.9), (4, 2.1)])
    high = shapely.Polygon([(0, 0), (2.1, 4), (1.9, 4)])
    assert grid_of(frame_of_grids(z=low, m=high), (0, 0)) == ["m"]


def test_attribute_on_sloped_border_is_exact() -> None:
    # The border y = x / 3 cannot be hit exactly at x = 0.1; at (0.3, 0.1) doubles lie off the line,
    # at (3, 1) and (1.5, 0.5) they lie on it: just east of it is the lower grid.
    lower = shapely.Polygon([(0, 0), (3, 0), (3, 1)])
    upper = shapely.Polygon([(0, 0), (3, 1), (3, 3), (0, 3)])
    grids = frame_of_grids(lower=lower, upper=upper)
    assert grid_of(grids, (1.5, 0.5)) == ["lower"]
    assert grid_of(grids, (1.5, np.nextafter(0.5, 1))) == ["upper"]
    assert grid_of(grids, (1.5, np.nextafter(0.5, 0))) == ["lower"]


def test_attribute_outside_in_hole_or_without_point_is_null() -> None:
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    points = frame_of_points((1.5, 1.5), (9, 9), (0.5, 0.5))
    points.loc[3] = ["I3", None]
    points.loc[4] = ["I4", shapely.Point()]
    found = attribute(points, frame_of_grids(ring=ring))
    assert found["grid"].isna().tolist() == [True, True, False, True, True]
    assert found["plan"].isna().tolist() == [True, True, False, True, True]


def test_attribute_hole_border_belongs_to_the_ring_around_it() -> None:
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    island = shapely.box(1, 1, 2, 2)
    grids = frame_of_grids(ring=ring, island=island)
    # West side of the hole: east is the island. East side: east is the ring. South side: north.
    assert grid_of(grids, (1, 1.5), (2, 1.5), (1.5, 1), (1.5, 2)) == [
        "island",
        "ring",
        "island",
        "ring",
    ]


def test_attribute_multipolygon_counts_each_part() -> None:
    both = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    grids = frame_of_grids(ends=both, middle=shapely.box(1, 0, 2, 1))
    assert grid_of(grids, (0.5, 0.5), (1, 0.5), (2, 0.5), (2.5, 0.5)) == [
        "ends",
        "middle",
        "ends",
        "ends",
    ]


def test_attribute_keeps_index_order_and_arguments() -> None:
    points = frame_of_points((1.5, 0.5), (0.5, 0.5)).set_index(np.array([7, 3]))
    before = points.copy()
    found = attribute(points, SQUARES)
    assert found.index.tolist() == [7, 3]
    assert found["grid"].tolist() == ["b", "a"]
    assert points.equals(before)


def test_attribute_empty_frames_give_typed_empty_or_null() -> None:
    none = attribute(frame_of_points((0, 0)).iloc[:0], SQUARES)
    assert (len(none), str(none["grid"].dtype)) == (0, "str")
    unmatched = attribute(frame_of_points((0.5, 0.5)), SQUARES.iloc[:0])
    assert unmatched["grid"].isna().all()


def test_attribute_without_plan_column_leaves_plan_null() -> None:
    found = attribute(frame_of_points((0.5, 0.5)), SQUARES[["grid", "geometry"]])
    assert found["grid"].tolist() == ["a"]
    assert found[["plan", "community"]].isna().all(axis=None)


def test_attribute_overlap_with_a_point_in_it_raises() -> None:
    grids = frame_of_grids(a=shapely.box(0, 0, 2, 2), b=shapely.box(1, 0, 3, 2))
    with pytest.raises(GeometryError) as error:
        attribute(frame_of_points((1.5, 1)), grids)
    assert error.value.code == "attribution.overlapping_grids"
    assert error.value.params == {"n_points": 1, "n_grids": 2, "grids": ["a", "b"]}


def test_attribute_other_crs_several_plans_or_lines_raise() -> None:
    with pytest.raises(CrsError) as crs_error:
        attribute(frame_of_points((0, 0)).to_crs(4326), SQUARES)
    assert crs_error.value.code == "crs.mismatch"
    with pytest.raises(ParameterError) as plan_error:
        attribute(frame_of_points((0, 0)), SQUARES.assign(plan=["P1", "P1", "P2", "P2"]))
    assert plan_error.value.params["n_plans"] == 2
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=CRS)
    with pytest.raises(GeometryError) as line_error:
        attribute(lines, SQUARES)
    assert line_error.value.code == "attribution.not_points"


def skewed_coverage(seed: int) -> gpd.GeoDataFrame:
    """30 Voronoi cells with rough coordinates: an exact coverage of a box, noded."""
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform(0, 1000, (30, 2)) + 500_000.0)
    frame = shapely.box(500_000, 500_000, 501_000, 501_000)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    cells = shapely.set_precision(cells, 0.001)
    return frame_of_grids(**{f"g{k:02d}": cell for k, cell in enumerate(cells)})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_attribute_every_vertex_and_middle_of_a_coverage_has_one_grid(seed: int) -> None:
    grids = skewed_coverage(seed)
    vertices = np.unique(shapely.get_coordinates(grids.geometry.array), axis=0)
    rings = shapely.get_exterior_ring(grids.geometry.array)
    middles = shapely.get_coordinates(
        shapely.line_interpolate_point(rings, np.linspace(0.05, 0.95, len(rings)), normalized=True)
    )
    points = gpd.GeoDataFrame(
        geometry=shapely.points(np.vstack([vertices, middles])), crs=grids.crs
    )
    found = attribute(points, grids)["grid"]
    shuffled = grids.sample(frac=1.0, random_state=seed % 1000)
    assert found.iloc[: len(vertices)].notna().all()
    assert attribute(points, shuffled)["grid"].equals(found)
    # Whatever it is given to, the point lies in that grid's closed ground.
    is_known = found.notna()
    owners = grids.set_index("grid").geometry.loc[found[is_known]]
    assert (shapely.distance(owners.to_numpy(), points.geometry[is_known].to_numpy()) == 0).all()
