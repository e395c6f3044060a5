"""A kernel along streets small enough to draw."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.hotspots.surfaces.street_density import street_density
from geo.hotspots.surfaces.street_network import street_network

CRS = "EPSG:4551"


def streets_of(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=CRS)


def incidents_at(*xy: tuple[float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.Point(*at) for at in xy], crs=CRS)


def mass_of(pieces: gpd.GeoDataFrame) -> float:
    return float((pieces["density_per_km"] * pieces["length_m"]).sum() / 1000)


def beyond(u: float) -> float:
    """Half a quartic kernel beyond u bandwidths: the integral of 15/16 (1 - u^2)^2 from u to 1."""
    return 0.5 - 15 / 16 * (u - 2 / 3 * u**3 + u**5 / 5)


T_JUNCTION = ([(0.0, 0.0), (100, 0), (200, 0)], [(100.0, 0), (100, 100)])


def test_street_density_at_a_t_junction_splits_equally() -> None:
    # An incident at (60, 5) snaps to (60, 0); bandwidth 80. What passes the junction after 40 m,
    # B(1/2) = 0.1035, goes half and half into the other two arms, all of it within their first
    # 50 m. What passes x = 50 after 10 m, B(1/8), stays in [0, 50]: its rest turns back at the
    # dead end after 60 m. The piece [50, 100] keeps the remainder.
    pieces = street_density(
        incidents_at((60, 5)), streets_of(*T_JUNCTION), bandwidth_m=80, piece_m=50
    )
    west, centre, arm = beyond(1 / 8), 1 - beyond(1 / 8) - beyond(1 / 2), beyond(1 / 2) / 2
    expected = [west, centre, arm, 0, arm, 0]
    np.testing.assert_allclose(pieces["density_per_km"], np.array(expected) / 0.05, atol=1e-12)
    assert pieces["n_incidents"].tolist() == [0, 1, 0, 0, 0, 0]
    assert pieces["street"].tolist() == [0, 0, 0, 0, 1, 1]
    assert mass_of(pieces) == pytest.approx(1.0, abs=1e-12)


def test_street_density_on_the_junction_leaves_by_all_arms() -> None:
    # An incident on the junction lies on one of its arms, at its end: half of the kernel goes back
    # along that arm, the other half is split between the two others.
    pieces = street_density(
        incidents_at((100, 0)), streets_of(*T_JUNCTION), bandwidth_m=40, piece_m=50
    )
    mass = np.sort((pieces["density_per_km"] * pieces["length_m"] / 1000).to_numpy())
    np.testing.assert_allclose(mass, [0, 0, 0, 0.25, 0.25, 0.5], atol=1e-12)


def test_street_density_bridge_is_not_a_junction() -> None:
    # Two lines cross at (50, 50) without a common vertex.
    streets = streets_of([(0, 50), (100, 50)], [(50, 0), (50, 100)])
    pieces = street_density(incidents_at((20, 50)), streets, bandwidth_m=60, piece_m=200)
    np.testing.assert_allclose(pieces["density_per_km"], [10.0, 0.0])


def test_street_density_beyond_reach_is_left_out_and_counted() -> None:
    frame = incidents_at((60, 5), (60, 80))
    frame.loc[2] = [None]
    pieces = street_density(frame, streets_of([(0, 0), (200, 0)]), bandwidth_m=80, reach_m=50)
    assert pieces["n_incidents"].sum() == 1
    assert pieces.attrs == {"n_snapped": 1, "n_left_out": 2}


def test_street_density_no_incidents_is_zero_everywhere() -> None:
    pieces = street_density(incidents_at((0, 0)).iloc[:0], streets_of(*T_JUNCTION), bandwidth_m=80)
    assert len(pieces) == 6
    assert (pieces["density_per_km"] == 0).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), bandwidth_m=st.floats(5, 900), piece_m=st.floats(7, 120))
def test_street_density_keeps_the_mass_of_its_incidents(
    seed: int, bandwidth_m: float, piece_m: float
) -> None:
    # A lattice of streets with some blocks missing, a loop, and a street of two parts.
    rng = np.random.default_rng(seed)
    lines = [[(100.0 * c, 100.0 * r), (100 * c + 100, 100 * r)] for c in range(4) for r in range(4)]
    lines += [
        [(100.0 * c, 100.0 * r), (100 * c, 100 * r + 100)] for c in range(4) for r in range(4)
    ]
    kept = [lines[k] for k in rng.permutation(len(lines))[:22]]
    streets = streets_of(*kept, [(0, 0), (-50, 0), (-50, -50), (0, 0)])
    frame = incidents_at(*rng.uniform(-60, 460, (15, 2)))
    pieces = street_density(frame, streets, bandwidth_m=bandwidth_m, piece_m=piece_m, reach_m=60)
    assert mass_of(pieces) == pytest.approx(pieces.attrs["n_snapped"], rel=1e-9, abs=1e-9)
    assert pieces["n_incidents"].sum() == pieces.attrs["n_snapped"]
    assert pieces["length_m"].sum() == pytest.approx(streets.length.sum())
    assert pieces["length_m"].max() <= piece_m + 1e-6


def test_street_density_row_order_of_incidents_changes_nothing() -> None:
    frame = incidents_at(*np.random.default_rng(2).uniform(0, 200, (30, 2)))
    streets = streets_of(*T_JUNCTION)
    first = street_density(frame, streets, bandwidth_m=70, reach_m=100)
    second = street_density(frame.iloc[::-1], streets, bandwidth_m=70, reach_m=100)
    np.testing.assert_allclose(first["density_per_km"], second["density_per_km"], atol=1e-9)


def test_street_network_joins_streets_at_inner_vertices() -> None:
    # The second street ends on an inner vertex of the first: three edges, four nodes.
    network = street_network(streets_of(*T_JUNCTION), piece_m=30)
    assert network.length_m.tolist() == [100.0, 100.0, 100.0]
    assert np.bincount(network.ends.ravel()).tolist().count(3) == 1
    assert np.diff(network.first_piece).tolist() == [4, 4, 4]
    np.testing.assert_allclose(network.starts_m[:4], [0, 25, 50, 75])


def test_street_density_no_streets_raises() -> None:
    with pytest.raises(ParameterError) as error:
        street_density(incidents_at((0, 0)), streets_of(), bandwidth_m=80)
    assert error.value.code == "hotspots.no_streets"


def test_street_density_other_crs_raises() -> None:
    streets = streets_of(*T_JUNCTION).set_crs("EPSG:4550", allow_override=True)
    with pytest.raises(CrsError) as error:
        street_density(incidents_at((0, 0)), streets, bandwidth_m=80)
    assert error.value.code == "crs.mismatch"


@pytest.mark.parametrize("option", ["bandwidth_m", "piece_m", "reach_m"])
def test_street_density_bad_sizes_raise(option: str) -> None:
    sizes = {"bandwidth_m": 80.0, "piece_m": 50.0, "reach_m": 50.0, option: 0.0}
    with pytest.raises(ParameterError) as error:
        street_density(incidents_at((0, 0)), streets_of(*T_JUNCTION), **sizes)
    assert (error.value.code, error.value.params["name"]) == ("parameter.not_positive", option)
