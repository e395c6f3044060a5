"""Questions about stored incidents, and answers that are kept."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import ParameterError
from geo.services import hotspots
from geo.services.hotspots import METHODS, Analysis, Question
from geo.store import Store
from tests.services.conftest import SOUTH, WEST, frame_of, incident_at

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CORNERS = {f"e{n}": (20.0 + 50 * (n % 8), 20.0 + 50 * (n // 8)) for n in range(32)}
"""One incident in each of the 8 x 4 cells of 50 m that the town has."""


def ask(store: Store, method: str = "significance", **options: Any) -> Analysis:
    question = Question(
        method, date(2026, 1, 1), date(2026, 12, 31), **{"exposure": "ground", **options}
    )
    return hotspots.analyse(store, question, now=NOW)


def with_a_hot_cell(store: Store) -> None:
    store.write("incidents", incident_at(CORNERS))
    store.write("incidents", incident_at({f"h{n}": (230.0, 80.0) for n in range(40)}))


def test_analyse_forty_more_in_one_cell_is_the_one_hotspot(store: Store) -> None:
    with_a_hot_cell(store)
    answer = ask(store)
    # 72 incidents over 32 cells: 2.25 expected in each; the cell at (200..250, 50..100) has 41
    assert answer.report["n_incidents"] == 72
    assert answer.report["n_significant"] == 1 and len(answer.areas) == 1
    found = answer.areas.iloc[0]
    assert found["n_incidents"] == 41
    assert found["expected"] == pytest.approx(2.25)
    assert found["excess"] == pytest.approx(38.75)
    assert found.geometry.area == pytest.approx(2500)


def test_analyse_even_incidents_find_nothing(store: Store) -> None:
    store.write("incidents", incident_at(CORNERS))
    answer = ask(store)
    assert answer.report["n_significant"] == 0 and answer.areas.empty
    assert set(answer.cells["verdict"]) == {"not_significant"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "points",
    [{}, {"a": (200.0, 100.0)}, {f"p{n}": (200.0, 100.0) for n in range(30)}],
    ids=["none", "one", "all on one point"],
)
def test_analyse_little_data_answers_without_a_number_that_is_none(
    store: Store, method: str, points: dict[str, tuple[float, float]]
) -> None:
    if points:
        store.write("incidents", incident_at(points))
    answer = ask(store, method)
    assert answer.report["n_incidents"] == len(points)
    for frame in (answer.cells, pd.DataFrame(answer.areas.drop(columns="geometry"))):
        assert np.isfinite(frame.select_dtypes("number").to_numpy(dtype="float64")).all()
    if len(points) < 2 and method not in ("kde", "gi", "forecast", "streets"):
        assert answer.areas.empty  # one case is no hotspot


def test_analyse_future_and_outside_incidents_are_not_in_the_window(store: Store) -> None:
    with_a_hot_cell(store)
    late = incident_at({"late": (20.0, 20.0)})
    late["reported_at"] = pd.Timestamp("2099-01-01T00:00Z")
    store.write("incidents", late)
    store.write("incidents", incident_at({"far": (5000.0, 5000.0)}))
    report = ask(store).report
    assert report["n_incidents"] == 72 and report["n_outside"] == 1


def test_analyse_unknown_method_and_exposure_and_swapped_days_are_refused(store: Store) -> None:
    with_a_hot_cell(store)
    for options, code in (
        ({"method": "magic"}, "hotspots.unknown_method"),
        ({"exposure": "magic"}, "hotspots.unknown_exposure"),
    ):
        with pytest.raises(ParameterError) as caught:
            ask(store, **options)
        assert caught.value.code == code
    swapped = Question("kde", date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(ParameterError) as caught:
        hotspots.analyse(store, swapped, now=NOW)
    assert caught.value.code == "form.days_swapped"


@pytest.mark.parametrize("exposure", hotspots.EXPOSURES)
def test_analyse_every_exposure_counts_every_incident(store: Store, exposure: str) -> None:
    with_a_hot_cell(store)
    report = ask(store, exposure=exposure).report
    assert report["n_incidents"] == 72


def test_save_same_question_again_replaces_the_run(store: Store) -> None:
    with_a_hot_cell(store)
    run = hotspots.save(store, ask(store))
    n_rows = store.count("hotspots")
    assert hotspots.save(store, ask(store)) == run
    assert store.count("hotspots") == n_rows and len(hotspots.runs(store)) == 1
    rows = hotspots.stored(store)
    assert rows["n_incidents"].sum() == 72
    assert rows.loc[rows["verdict"] == "hot", "q"].max() <= 0.05


def test_stored_by_category_takes_that_categorys_run(store: Store) -> None:
    with_a_hot_cell(store)
    store.update("incidents", {"category": "0102"}, where={"incident": "h1"})
    hotspots.save(store, ask(store))
    hotspots.save(store, ask(store, category="0102"))
    assert hotspots.stored(store)["n_incidents"].sum() == 72
    assert hotspots.stored(store, category="0102")["n_incidents"].sum() == 1
    assert len(hotspots.stored(store, category="0103")) == 0


@pytest.mark.parametrize("status", ["rejected", "duplicate", "void"])
def test_analyse_reports_that_are_no_case_make_no_hotspot(store: Store, status: str) -> None:
    store.write("incidents", incident_at(CORNERS))
    store.write(
        "incidents", incident_at({f"h{n}": (230.0, 80.0) for n in range(40)}, status=status)
    )
    answer = ask(store)
    assert answer.report["n_incidents"] == len(CORNERS) and answer.areas.empty


def test_analyse_against_the_background_of_nothing_says_nothing(store: Store) -> None:
    with_a_hot_cell(store)
    empty = Question("significance", date(2020, 1, 1), date(2020, 2, 1), exposure="background")
    answer = hotspots.analyse(store, empty, now=NOW)
    assert answer.report["n_incidents"] == 0 and answer.areas.empty


def test_save_streets_are_kept_as_ground_and_nothing_is_refused(store: Store) -> None:
    with_a_hot_cell(store)
    with pytest.raises(ParameterError) as caught:
        hotspots.save(store, ask(store, "streets"))  # the town has no streets yet
    assert caught.value.code == "hotspots.nothing_to_keep"
    line = shapely.LineString([(WEST, SOUTH + 80), (WEST + 400, SOUTH + 80)])
    store.write("streets", frame_of("streets", {"street": ["s"], "name": ["东街"]}, [line]))
    hotspots.save(store, ask(store, "streets"))
    assert (hotspots.stored(store).geometry.area > 0).all()
