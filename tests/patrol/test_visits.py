"""Places passed, stays, recency and evenness, on small ground with numbers worked by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from geo.errors import CrsError, ParameterError
from geo.patrol.visits import (
    evenness,
    household_share,
    passed_places,
    since_last_visit,
    stays,
    verdict_of,
)
from tests.bench.patrol.tracks import ar1, simulate

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")
NOISE = pd.DataFrame({"worker": ["W1"], "sigma_m": [6.0], "tau_s": [25.0], "speed_mps": [1.2]})


def track_of(xy: np.ndarray, *, second: np.ndarray | None = None) -> gpd.GeoDataFrame:
    after = 5.0 * np.arange(len(xy)) if second is None else second
    at = (START + pd.to_timedelta(after, unit="s")).astype("datetime64[us, UTC]")
    return gpd.GeoDataFrame(
        {"patrol": "P1", "worker": "W1", "at": at}, geometry=shapely.points(xy), crs=CRS
    )


def walk(n: int = 100) -> np.ndarray:
    """East along y = 0 at 1.2 m/s, no noise."""
    return np.column_stack([6.0 * np.arange(n), np.zeros(n)])


def places_at(*xy: tuple[float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.Point(*place) for place in xy], crs=CRS)


def test_passed_places_near_at_reach_and_far() -> None:
    found = passed_places(places_at((300, 0), (300, 20), (300, 200)), track_of(walk()), noise=NOISE)
    assert found["verdict"].tolist() == ["covered", "cannot_tell", "missed"]
    # at the very reach the chance is one half on either side
    assert found["probability"].tolist() == pytest.approx([1.0, 0.5, 0.0], abs=0.05)
    assert found["patrol"].iloc[0] == "P1"
    assert found["nearest_m"].iloc[1] == pytest.approx(20.0, abs=1.0)
    assert found[["at", "patrol", "nearest_m"]].iloc[2].isna().all()


def test_passed_places_one_fix_leaves_the_whole_noise() -> None:
    # one fix: the place 14 m off lies within 20 m with probability
    # Phi((20 - 14) / s) - Phi((-20 - 14) / s), s = 6 m x 1.25
    found = passed_places(places_at((14, 0)), track_of(walk(1)), noise=NOISE)
    s = 7.5
    assert found["probability"].iloc[0] == pytest.approx(norm.cdf(6 / s) - norm.cdf(-34 / s))


def test_passed_places_silence_is_never_missed() -> None:
    # 120 m further after 400 s of silence: 560 m can be walked, so 200 m aside can be reached,
    # 300 m aside (way 600 m and more) cannot
    xy = np.vstack([walk(20), walk(20) + np.array([234.0, 0.0])])
    second = np.concatenate([5.0 * np.arange(20), 495.0 + 5.0 * np.arange(20)])
    found = passed_places(
        places_at((174, 200), (174, 300)), track_of(xy, second=second), noise=NOISE
    )
    assert found["verdict"].tolist() == ["cannot_tell", "missed"]


def test_passed_places_calibrated_on_simulated_walks() -> None:
    walks = simulate(np.random.default_rng(6), n_workers=12, n_rounds=2)
    rng = np.random.default_rng(7)
    near = walks.xy[rng.integers(len(walks.xy), size=2000)] + rng.normal(scale=25, size=(2000, 2))
    places = gpd.GeoDataFrame(geometry=shapely.points(near), crs=CRS)
    found = passed_places(places, walks.fixes)
    code = walks.fixes["patrol"].to_numpy()
    start = np.flatnonzero(code[1:] == code[:-1])
    lines = shapely.multilinestrings(np.stack([walks.xy[start], walks.xy[start + 1]], axis=1))
    is_passed = shapely.dwithin(lines, places.geometry.to_numpy(), 20.0)
    assert abs(found["probability"].mean() - is_passed.mean()) < 0.03
    said = found["verdict"].to_numpy()
    right = np.where(said == "covered", is_passed, ~is_passed)[said != "cannot_tell"]
    assert right.mean() > 0.97


def test_passed_places_empty_sides() -> None:
    empty = track_of(walk(1)).iloc[:0]
    found = passed_places(places_at((0, 0)), empty)
    assert (found["probability"].tolist(), found["verdict"].tolist()) == ([0.0], ["missed"])
    assert len(passed_places(places_at((0, 0)).iloc[:0], track_of(walk()))) == 0


def test_passed_places_keeps_index_and_refuses_two_crs() -> None:
    places = places_at((0, 0), (1, 1)).set_index(pd.Index(["b", "a"]))
    assert passed_places(places, track_of(walk()), noise=NOISE).index.tolist() == ["b", "a"]
    with pytest.raises(CrsError) as raised:
        passed_places(places.set_crs(4549, allow_override=True), track_of(walk()))
    assert raised.value.code == "crs.mismatch"
    with pytest.raises(ParameterError):
        passed_places(places, track_of(walk()), reach_m=0.0)


def test_stays_stood_inside_passed_through_and_away() -> None:
    # stands 300 s at x = 300; the second site is crossed in 100 / 1.2 = 83 s; the third is far
    x = np.concatenate([6.0 * np.arange(50), np.full(60, 300.0), 300.0 + 6.0 * np.arange(1, 60)])
    track = track_of(np.column_stack([x, np.zeros(len(x))]))
    sites = gpd.GeoDataFrame(
        geometry=[
            shapely.box(260, -40, 340, 40),
            shapely.box(450, -50, 550, 50),
            shapely.box(0, 900, 50, 950),
        ],
        crs=CRS,
    )
    found = stays(sites, track, noise=NOISE, dwell_s=120.0)
    assert found["verdict"].tolist() == ["covered", "missed", "missed"]
    assert found["dwell_s"].iloc[0] == pytest.approx(300 + 80 / 1.2, abs=20)
    assert found["dwell_s"].iloc[1] == pytest.approx(100 / 1.2, abs=15)
    assert found["n_patrols"].tolist() == [1, 1, 0]
    assert (found["surely_s"] <= found["dwell_s"] + 1e-9).all()
    assert (found["dwell_s"] <= found["at_most_s"] + 1e-9).all()


def test_stays_silence_leaves_open_what_may_have_been() -> None:
    # 500 s of silence at one spot; a site 70 m off: there and back takes 100 s, 400 s are left
    xy = np.zeros((40, 2)) + ar1(np.random.default_rng(0), 40, 0.1, 25.0, 5.0)
    second = 5.0 * np.arange(40) + np.where(np.arange(40) >= 20, 495.0, 0.0)
    site = gpd.GeoDataFrame(geometry=[shapely.Point(70, 0).buffer(1.0)], crs=CRS)
    found = stays(site, track_of(xy, second=second), noise=NOISE)
    assert found["verdict"].tolist() == ["cannot_tell"]
    assert found["at_most_s"].iloc[0] == pytest.approx(500 - 2 * 69 / 1.4, abs=2)


def test_stays_empty_sides_and_bad_options() -> None:
    site = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9)], crs=CRS)
    found = stays(site, track_of(walk(1)).iloc[:0])
    assert (found["dwell_s"].tolist(), found["verdict"].tolist()) == ([0.0], ["missed"])
    assert len(stays(site.iloc[:0], track_of(walk(3)))) == 0
    with pytest.raises(ParameterError) as raised:
        stays(site, track_of(walk(3)), reach_m=-1.0)
    assert raised.value.code == "parameter.negative"


def test_verdict_of_bounds_decide() -> None:
    found = verdict_of(np.array([0.9, 0.89, 0.11, 0.1]))
    assert found.tolist() == ["covered", "cannot_tell", "cannot_tell", "missed"]


def test_household_share_expected_surely_and_at_most() -> None:
    # 10 households surely, 20 at one half, 30 not: (10 + 10) / 60, 10 / 60, 30 / 60
    places = pd.DataFrame(
        {"probability": [1.0, 0.5, 0.0], "verdict": ["covered", "cannot_tell", "missed"]}
    )
    assert household_share(pd.Series([10, 20, 30]), places) == pytest.approx((1 / 3, 1 / 6, 1 / 2))
    assert household_share(pd.Series([None, 0, 0]), places) is None


def test_since_last_visit_days_and_never() -> None:
    visits = pd.DataFrame(
        {
            "place": ["a", "a", "b"],
            "at": pd.to_datetime(["2026-10-01T00:00Z", "2026-10-02T12:00Z", "2026-10-09T00:00Z"]),
        }
    )
    days = since_last_visit(
        pd.Index(["a", "b", "c"]), visits, now=pd.Timestamp("2026-10-04T00:00Z")
    )
    # b was visited only after `now`, c never
    assert days["a"] == 1.5
    assert days[["b", "c"]].isna().all()


@pytest.mark.parametrize(
    ("counts", "gini", "unseen"),
    [
        ([3, 3, 3, 3], 0.0, 0.0),
        # all on one of four: 1 - 1/4
        ([0, 0, 0, 8], 0.75, 0.75),
        # 1, 2, 3: (-2 x 1 + 0 x 2 + 2 x 3) / (3 x 6)
        ([2, 3, 1], 4 / 18, 0.0),
        ([0, 0], None, 1.0),
        ([], None, None),
    ],
)
def test_evenness(counts: list[int], gini: float | None, unseen: float | None) -> None:
    found = evenness(counts)
    assert found["gini"] == (None if gini is None else pytest.approx(gini))
    assert found["unseen_share"] == unseen


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), shift=st.integers(-5_000, 5_000))
def test_passed_places_order_and_shift_do_not_matter(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    xy = np.round((walk(60) + ar1(rng, 60, 6.0, 25.0, 5.0)) * 8) / 8
    track = track_of(xy)
    places = places_at(*rng.integers(-60, 400, size=(20, 2)).tolist())
    found = passed_places(places, track)
    assert found.equals(passed_places(places, track.iloc[rng.permutation(60)]))
    moved = track.set_geometry(track.geometry.translate(64.0 * shift, 32.0 * shift))
    there = places.set_geometry(places.geometry.translate(64.0 * shift, 32.0 * shift))
    again = passed_places(there, moved)
    assert again["probability"].tolist() == pytest.approx(found["probability"].tolist(), abs=1e-6)
