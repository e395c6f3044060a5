"""Coverage of one straight street by one worker who walks half of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest
import shapely

from geo.errors import NotFoundError
from geo.services import patrols, plans
from geo.store import Store
from tests.services.conftest import SOUTH, WEST, frame_of

DAY = date(2026, 5, 4)


def street(store: Store) -> None:
    line = shapely.LineString([(WEST, SOUTH + 100), (WEST + 200, SOUTH + 100)])
    rows = {"street": ["S"], "name": ["中街"], "class": ["residential"], "length_m": [200.0]}
    store.write("streets", frame_of("streets", rows, [line]))


def walk(store: Store, patrol: str, round_: int, metres: list[float]) -> None:
    times = pd.Timestamp("2026-05-04T01:00Z") + pd.to_timedelta(
        [10 * step for step in range(len(metres))], unit="s"
    )
    rows = {
        "patrol": patrol,
        "worker": "W1",
        "day": pd.Timestamp(DAY),
        "round": round_,
        "at": times,
    }
    places = [shapely.Point(WEST + x, SOUTH + 101) for x in metres]
    store.write("tracks", frame_of("tracks", rows, places))


def test_compute_half_a_street_walked_is_half_covered(store: Store) -> None:
    street(store)
    plans.make_plan(
        store, target=80, effective_from=date(2026, 1, 1), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    walk(store, "P1", 1, [0.0, 13.0, 26.0, 39.0, 52.0, 65.0, 78.0, 80.0])
    counts = patrols.compute(store, reach_m=20, piece_m=50)
    assert counts["patrols"] == 1
    assert counts["pieces"] == 4
    found = patrols.street_coverage(store, day=DAY)
    # walked 0 to 80 m, reach 20 m: 0 to 100 m less a sliver of the reach's round end
    covered = (found["length_m"] * found["covered_share"]).sum()
    assert covered == pytest.approx(100, abs=0.2)
    assert found.sort_values("piece")["verdict"].tolist() == [
        "covered",
        "covered",
        "missed",
        "missed",
    ]
    summary = patrols.round_summary(store, day=DAY)
    assert summary["expected_m"].sum() == pytest.approx(200)
    assert summary["share"].tolist() == [pytest.approx(0.5, abs=0.001)]


def test_street_coverage_by_round_counts_that_round_only(store: Store) -> None:
    street(store)
    walk(store, "P1", 1, [0.0, 13.0, 26.0, 39.0])
    walk(store, "P2", 2, [160.0, 173.0, 186.0, 199.0])
    patrols.compute(store)
    first = patrols.street_coverage(store, day=DAY, round=1).set_index("piece")["covered_share"]
    both = patrols.street_coverage(store, day=DAY).set_index("piece")["covered_share"]
    assert (first <= both).all()
    assert first.sum() < both.sum()
    days = patrols.days(store)
    assert days[["n_patrols", "rounds"]].values.tolist() == [[2, 2]]


def test_street_coverage_day_without_patrol_is_missed_everywhere(store: Store) -> None:
    street(store)
    walk(store, "P1", 1, [0.0, 13.0])
    patrols.compute(store)
    found = patrols.street_coverage(store, day=date(2026, 5, 5))
    assert (found["covered_share"] == 0).all()
    assert set(found["verdict"]) == {"missed"}


@pytest.mark.parametrize("layer", ["streets", "tracks"])
def test_compute_missing_layer_is_said(store: Store, layer: str) -> None:
    if layer == "tracks":
        street(store)
    with pytest.raises(NotFoundError) as caught:
        patrols.compute(store)
    assert caught.value.params["layer"] == layer
