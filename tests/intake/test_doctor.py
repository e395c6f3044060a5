"""The doctor: datum by fitting, CRS, axes, shapes, duplicates, text, and the mending."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo import crs
from geo.errors import CrsError
from geo.intake.doctor import Finding, diagnose, fit_datum, fix

DATA = Path(__file__).parents[2] / "../shared/data"
BEIJING = DATA / "beijing_chaoyang.gpkg"

needs_beijing = pytest.mark.skipif(
    not BEIJING.exists(), reason=f"SKIPPED LOUDLY: {BEIJING} is absent, the real data are untested"
)

ORIGIN = (500_000.0, 4_860_000.0)
"""Changchun, EPSG:4551."""


def _square(x: float, y: float, side: float) -> shapely.Polygon:
    x, y = ORIGIN[0] + x, ORIGIN[1] + y
    return shapely.box(x, y, x + side, y + side)


def _in_degrees(shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=shapes, crs=4551).to_crs(4326)


def _buildings() -> gpd.GeoDataFrame:
    """100 blocks of 30 m, irregularly 80 to 95 m apart: no shift maps them on each other."""
    steps = np.cumsum([80 + 5 * (i * i % 4) for i in range(10)])
    return _in_degrees([_square(x, y, 30) for x in steps for y in steps + 7 * (np.arange(10) % 3)])


def _compounds() -> gpd.GeoDataFrame:
    """Each around one building, 10 m off it."""
    shapes = _buildings().to_crs(4551).geometry
    return gpd.GeoDataFrame(geometry=shapes.buffer(10, join_style="mitre")).to_crs(4326)


def _streets() -> gpd.GeoDataFrame:
    """Between the buildings of `_buildings`, along its columns."""
    steps = np.cumsum([80 + 5 * (i * i % 4) for i in range(10)])
    lines = [
        shapely.LineString([(ORIGIN[0] + x - 15, ORIGIN[1]), (ORIGIN[0] + x - 15, ORIGIN[1] + 950)])
        for x in steps
    ]
    return _in_degrees(lines)


def _entrances() -> gpd.GeoDataFrame:
    corners = shapely.get_coordinates(_buildings().geometry.array)
    return gpd.GeoDataFrame(geometry=shapely.points(corners), crs=4326)


def _shifted(frame: gpd.GeoDataFrame, datum: str) -> gpd.GeoDataFrame:
    """The frame with the numbers of that datum, still saying EPSG:4326."""
    there = {"gcj02": crs.wgs84_to_gcj02, "bd09": crs.wgs84_to_bd09, "wgs84": lambda x, y: (x, y)}

    def move(points: np.ndarray) -> np.ndarray:
        return np.column_stack(there[datum](points[:, 0], points[:, 1]))

    return frame.set_geometry(
        gpd.GeoSeries(shapely.transform(frame.geometry.array, move), index=frame.index, crs=4326)
    )


def _codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize(
    ("layer", "trusted", "measure"),
    [
        (_compounds, _buildings, "cut"),
        (_buildings, _compounds, "cut"),
        (_buildings, _buildings, "cut"),
        (_streets, _buildings, "inside"),
        (_buildings, _streets, "inside"),
        (_streets, _streets, "distance_m"),
        (_entrances, _buildings, "distance_m"),
        (_compounds, _entrances, "outside"),
    ],
)
def test_fit_datum_every_kind_of_layer_is_named(layer, trusted, measure, datum):
    fit = fit_datum(_shifted(layer(), datum), trusted())
    assert (fit.best, fit.measure) == (datum, measure)
    assert set(fit.scores) == {"wgs84", "gcj02", "bd09"}


def test_fit_datum_projected_layer_is_named():
    frame = _shifted(_compounds(), "gcj02").to_crs(4551)
    assert fit_datum(frame, _buildings().to_crs(32652)).best == "gcj02"


def test_fit_datum_identical_layers_score_nought():
    assert fit_datum(_buildings(), _buildings()).scores["wgs84"] == pytest.approx(0, abs=1e-6)


def test_fit_datum_too_few_features_name_nothing():
    fit = fit_datum(_compounds().head(3), _buildings())
    assert fit.best is None
    assert fit.n_used == 3


def test_fit_datum_elsewhere_or_empty_names_nothing():
    away = _compounds().translate(1.0, 0.0).to_frame("geometry")
    assert fit_datum(away, _buildings()).best is None
    assert fit_datum(_compounds().head(0), _buildings()).best is None
    assert fit_datum(_compounds(), _buildings().head(0)).best is None


def test_fit_datum_outside_the_mainland_only_wgs84_can_be():
    # Monaco: nothing is shifted there
    squares = [shapely.box(7.42 + i * 1e-3, 43.73, 7.4205 + i * 1e-3, 43.7305) for i in range(10)]
    frame = gpd.GeoDataFrame(geometry=squares, crs=4326)
    fit = fit_datum(frame, frame)
    assert (fit.best, set(fit.scores)) == ("wgs84", {"wgs84"})


def test_fit_datum_trusted_layer_without_crs_is_refused():
    with pytest.raises(CrsError) as caught:
        fit_datum(_compounds(), _buildings().set_crs(None, allow_override=True))
    assert caught.value.code == "crs.missing"


def test_fit_datum_row_order_changes_nothing():
    frame = _shifted(_compounds(), "bd09")
    assert fit_datum(frame, _buildings()) == fit_datum(frame[::-1], _buildings()[::-1])


def test_diagnose_sound_layer_has_no_findings():
    assert diagnose(_compounds(), against=_buildings()) == []
    assert diagnose(_compounds()) == []


def test_diagnose_wrong_datum_is_an_error_that_fix_mends():
    frame = _shifted(_compounds(), "bd09")
    (finding,) = diagnose(frame, against=_buildings())
    assert (finding.code, finding.severity, finding.count) == ("doctor.datum", "error", 100)
    assert finding.params["datum"] == "bd09"
    mended = fix(frame, against=_buildings())
    assert mended.crs.to_epsg() == 4326
    assert shapely.equals_exact(mended.geometry, _compounds().geometry, tolerance=1e-9).all()
    assert diagnose(mended, against=_buildings()) == []


def test_fix_named_datum_needs_no_trusted_layer():
    mended = fix(_shifted(_compounds(), "gcj02"), datum="gcj02")
    assert shapely.equals_exact(mended.geometry, _compounds().geometry, tolerance=1e-9).all()


def test_diagnose_exchanged_axes_are_found_and_fixed():
    frame = _buildings()
    turned = frame.copy()
    turned.loc[[2, 5], "geometry"] = shapely.transform(
        frame.geometry[[2, 5]].array, lambda points: points[:, ::-1]
    )
    (finding,) = diagnose(turned)
    assert (finding.code, finding.count, finding.keys) == ("doctor.swapped", 2, (3, 6))
    assert fix(turned).geom_equals(frame).all()


def test_diagnose_whole_layer_exchanged_is_found_against_a_trusted_one():
    # Monaco exchanged is a place in Somalia: only the trusted layer can tell
    there = gpd.GeoDataFrame(geometry=gpd.points_from_xy([7.42, 7.43], [43.73, 43.74]), crs=4326)
    turned = gpd.GeoDataFrame(geometry=gpd.points_from_xy([43.73, 43.74], [7.42, 7.43]), crs=4326)
    assert diagnose(turned) == []
    assert _codes(diagnose(turned, against=there))[0] == "doctor.swapped"
    assert fix(turned, against=there).geom_equals(there).all()


def test_diagnose_impossible_and_far_places_are_told_apart():
    places = [(125.3, 43.9)] * 3 + [(0, 0), (125.3, 91.0), (121.5, 31.2)]
    frame = gpd.GeoDataFrame(
        {"building": list("abcdef")}, geometry=[shapely.Point(p) for p in places], crs=4326
    )
    found = {f.code: f.keys for f in diagnose(frame) if f.code != "doctor.repeated_geometry"}
    assert found == {
        "doctor.null_island": ("d",),
        "doctor.out_of_range": ("e",),
        "doctor.far_away": ("f",),
    }


def test_diagnose_missing_crs_says_what_it_must_be():
    frame = _buildings().to_crs(4530)
    (finding,) = diagnose(frame.set_crs(None, allow_override=True))
    assert (finding.code, finding.params) == ("doctor.crs_missing", {"guess": "EPSG:4530"})
    assert fix(frame.set_crs(None, allow_override=True)).crs.to_epsg() == 4530


def test_diagnose_metres_labelled_degrees_are_contradicted():
    frame = _buildings().to_crs(4530).set_crs(4326, allow_override=True)
    assert diagnose(frame)[0] == Finding(
        "doctor.crs_contradicted",
        "error",
        100,
        (),
        {"declared": "EPSG:4326", "guess": "EPSG:4530"},
    )
    assert fix(frame, against=_buildings()).crs.to_epsg() == 4530


def test_diagnose_zone_that_cannot_be_known_is_left_alone():
    frame = _buildings().to_crs(4551).set_crs(4326, allow_override=True)
    (finding,) = [f for f in diagnose(frame) if f.code == "doctor.crs_contradicted"]
    assert finding.params["guess"] is None
    assert fix(frame).geom_equals(frame).all()


def test_diagnose_shapes_absent_invalid_and_overlapping_are_counted():
    # a bow tie, an absent one, and two squares that share a quarter of each
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    shapes = [bow_tie, None, _square(0, 0, 10), _square(5, 5, 10)]
    frame = gpd.GeoDataFrame({"building": list("abcd")}, geometry=shapes, crs=4551)
    findings = {f.code: f for f in diagnose(frame)}
    assert findings["doctor.no_geometry"].keys == ("b",)
    assert findings["doctor.invalid_geometry"].keys == ("a",)
    assert findings["doctor.invalid_geometry"].params["reasons"] == {"Self-intersection": 1}
    assert findings["doctor.overlaps"].keys == ("c", "d")
    assert findings["doctor.overlaps"].params["pairs"] == 1
    mended = fix(frame)
    assert mended.geometry[0].is_valid
    assert mended.geometry[0].area == pytest.approx(50)  # two triangles of 25 m2
    assert frame.geometry[0] is not mended.geometry[0]


def test_diagnose_repeats_are_told_apart():
    names = [f"c{i}" for i in range(30)]
    squares = [_square(100 * i, 0, 10) for i in range(30)]
    turned = shapely.Polygon(squares[7].exterior.coords[1:])  # the same, begun elsewhere
    frame = gpd.GeoDataFrame(
        {"compound": [*names, "c3", "new", "c0"]},
        geometry=[*squares, squares[3], turned, _square(0, 500, 10)],
        crs=4551,
    )
    findings = {f.code: f.keys for f in diagnose(frame)}
    assert findings["doctor.repeated_row"] == ("c3",)
    assert findings["doctor.repeated_geometry"] == ("new",)
    assert findings["doctor.repeated_key"] == ("c0",)
    assert fix(frame)["compound"].tolist() == [*names, "new", "c0"]


def test_diagnose_wrongly_decoded_text_is_found_and_fixed():
    wrong = "团结湖街道".encode("gbk").decode("latin-1")
    frame = _buildings().head(3).assign(name=[wrong, "三里屯", "呼家\ufffd"])
    findings = {f.code: f for f in diagnose(frame)}
    assert findings["doctor.mojibake"].params == {"column": "name"}
    assert findings["doctor.mojibake"].keys == (1,)
    assert findings["doctor.text_lost"].keys == (3,)
    assert fix(frame)["name"].tolist()[:2] == ["团结湖街道", "三里屯"]


def test_diagnose_empty_frame_has_no_findings():
    empty = _buildings().head(0)
    assert diagnose(empty) == []
    assert len(fix(empty)) == 0


@needs_beijing
def test_fit_datum_beijing_estates_labelled_wgs84_are_bd09_and_mended():
    buildings = gpd.read_file(BEIJING, layer="buildings")
    estates = gpd.read_file(BEIJING, layer="estates")
    delivered = gpd.read_file(BEIJING, layer="estates_raw_bd09")
    assert delivered.crs.to_epsg() == 4326
    assert fit_datum(delivered, buildings).best == "bd09"
    assert fit_datum(estates, buildings).best == "wgs84"
    mended = fix(delivered, against=buildings)
    apart = shapely.hausdorff_distance(
        mended.to_crs(4548).geometry.array, estates.to_crs(4548).geometry.array
    )
    assert apart.max() < 0.01  # metres
