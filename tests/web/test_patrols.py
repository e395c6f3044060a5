"""Patrol pages and answers: the figures, who may see whose rounds, and that every look is kept."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.services import patrols, recordings
from geo.store import Store
from web import accounts

ClientOf = Callable[[str], FlaskClient]
DAY = "2026-07-01"  # a Wednesday

# The town: one street of 400 m on y = 10, pieces of 50 m; grid 01 is its western half, 02 its
# eastern. W1 walked from 0 to 100 m, W2 from 300 to 380 m, each with two fixes a minute apart.


@pytest.fixture
def computed(store: Store) -> Store:
    patrols.compute(store)
    return store


def figures(client: FlaskClient, **query: str) -> dict[str, object]:
    answer = client.get("/api/v1/coverage.json", query_string={"day": DAY, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


@pytest.mark.parametrize("role", ["admin", "planner", "supervisor", "dispatcher", "viewer"])
def test_coverage_figures_add_up_to_what_is_expected(
    computed: Store, client_of: ClientOf, role: str
) -> None:
    told = figures(client_of(role))
    whole = told["whole"]
    assert whole["expected_m"] == pytest.approx(400)
    assert whole["covered"] + whole["missed"] + whole["cannot_tell"] == pytest.approx(1)
    metres = [row["covered_m"] + row["missed_m"] + row["cannot_tell_m"] for row in told["grids"]]
    assert metres == [pytest.approx(200), pytest.approx(200)]
    assert told["period"] == {"first": DAY, "last": DAY}


def test_coverage_of_a_week_runs_from_monday_to_sunday(
    computed: Store, client_of: ClientOf
) -> None:
    told = figures(client_of("viewer"), span="week")
    assert told["period"] == {"first": "2026-06-29", "last": "2026-07-05"}
    assert [row["day"] for row in told["days"]] == [DAY]


def test_coverage_pieces_carry_verdict_and_recency(computed: Store, client_of: ClientOf) -> None:
    answer = client_of("viewer").get(f"/api/v1/coverage.geojson?day={DAY}&grid=01")
    rows = [feature["properties"] for feature in answer.get_json()["features"]]
    assert [row["piece"] for row in rows] == ["s1-001", "s1-002", "s1-003", "s1-004"]
    assert {row["grid"] for row in rows} == {"01"}
    assert {"worker", "patrol"} & set(rows[0]) == set()
    for row in rows:
        assert row["verdict"] in ("covered", "cannot_tell", "missed")
        assert (row["days_since"] == 0) == (row["verdict"] == "covered")


def test_coverage_before_anything_is_computed_is_empty(client_of: ClientOf) -> None:
    client = client_of("supervisor")
    assert client.get("/api/v1/coverage.json").get_json()["period"] is None
    assert client.get("/api/v1/coverage.geojson").get_json()["features"] == []
    assert client.get("/api/v1/patrols/calendar.json").get_json()["workers"] == []
    place = client.get("/api/v1/patrols/place.json?lon=117&lat=43.8").get_json()
    assert place["patrols"] == []
    assert client.get("/patrols/calendar").status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("span=year", "patrols.span"),
        ("round=x", "api.query.whole"),
        ("grid=" + "9" * 65, "patrols.code"),
    ],
)
def test_coverage_query_that_is_wrong_is_said(
    computed: Store, client_of: ClientOf, query: str, code: str
) -> None:
    answer = client_of("supervisor").get(f"/api/v1/coverage.json?day={DAY}&{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/coverage.json?day={DAY}&worker=W2",
        f"/api/v1/coverage.geojson?day={DAY}&worker=W2",
        f"/api/v1/patrols/calendar.json?day={DAY}",
        f"/api/v1/patrols/calendar.json?day={DAY}&worker=W2",
        f"/api/v1/patrols/replay.json?worker=W2&day={DAY}",
        f"/patrols/replay?worker=W2&day={DAY}",
        f"/patrols/calendar?day={DAY}",
    ],
)
@pytest.mark.parametrize("role", ["worker", "planner", "dispatcher", "viewer"])
def test_other_peoples_rounds_are_for_those_who_review_them(
    computed: Store, client_of: ClientOf, path: str, role: str
) -> None:
    assert client_of(role).get(path).status_code == 403
    assert computed.count("looks") == 0


def test_worker_sees_own_rounds_and_no_look_is_kept(computed: Store, client_of: ClientOf) -> None:
    client = client_of("worker")  # W1
    answer = client.get(f"/api/v1/patrols/replay.json?worker=W1&day={DAY}")
    assert [len(track["fixes"]) for track in answer.get_json()["tracks"]] == [2]
    calendar = client.get(f"/api/v1/patrols/calendar.json?day={DAY}&worker=W1").get_json()
    assert [row["worker"] for row in calendar["workers"]] == ["W1"]
    assert figures(client, worker="W1")["whole"]["expected_m"] == pytest.approx(200)
    assert computed.count("looks") == 0


def test_replay_by_a_supervisor_is_kept_and_shown_to_the_worker(
    computed: Store, client_of: ClientOf
) -> None:
    answer = client_of("supervisor").get(f"/api/v1/patrols/replay.json?worker=W1&day={DAY}")
    assert answer.get_json()["name"] == "王一"
    mine = client_of("worker").get("/api/v1/patrols/mine.json").get_json()
    assert [(look["who"], look["whose"], look["day"]) for look in mine["looks"]] == [
        ("supervisor", "W1", DAY)
    ]


def test_tracks_taken_as_a_layer_are_a_look_at_everybody(
    computed: Store, client_of: ClientOf
) -> None:
    assert client_of("supervisor").get("/api/v1/layers/tracks.geojson").status_code == 200
    looks = recordings.looks_at(computed, "W2")
    assert looks["who"].tolist() == ["supervisor"]
    assert looks["whose"].isna().all()
    client_of("worker").get("/api/v1/layers/tracks.geojson")
    assert computed.count("looks") == 1


def test_mine_tells_the_same_figures_and_what_is_recorded(
    computed: Store, client_of: ClientOf
) -> None:
    mine = client_of("worker").get("/api/v1/patrols/mine.json").get_json()
    assert (mine["worker"], mine["day"], mine["grids"]) == ("W1", DAY, ["01"])
    seen = figures(client_of("supervisor"), worker="W1")
    assert mine["figures"]["day"]["whole"] == seen["whole"]
    assert mine["recorded"] == [{"day": DAY, "n_fixes": 2}]
    assert mine["keep_days"] == 30
    assert mine["stored"] == {"rounds": 1, "checkins": 0, "passes": 0}
    left = sum(row["left_m"] for row in mine["left"])
    whole = mine["figures"]["day"]["whole"]
    assert left == pytest.approx(whole["expected_m"] - whole["covered_m"])


def test_mine_of_an_account_without_person_says_so(app: Flask, client_of: ClientOf) -> None:
    client = client_of("planner")
    assert client.get("/api/v1/patrols/mine.json").get_json()["code"] == "patrols.nobody"
    page = client.get("/patrols/mine")
    assert page.status_code == 404
    assert "planner" in page.text


def test_mine_of_a_worker_who_never_walked_is_empty_not_an_error(
    app: Flask, store: Store, client_of: ClientOf
) -> None:
    patrols.compute(store)
    accounts.create_account(store, "new", "worker", "correct horse battery", person="W9")
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    client.post("/login", data={"name": "new", "password": "correct horse battery"})
    mine = client.get("/api/v1/patrols/mine.json").get_json()
    assert (mine["grids"], mine["left"], mine["recorded"], mine["here"]) == ([], [], [], None)
    assert mine["figures"]["day"]["whole"]["covered"] is None


def test_place_names_workers_only_to_those_who_may_see_them(
    computed: Store, client_of: ClientOf
) -> None:
    pieces = computed.read("pieces").set_index("piece").to_crs("EPSG:4326")
    covered = computed.read("coverage", where={"verdict": "covered", "worker": "W2"})
    assert len(covered)
    middle = pieces.geometry[covered["piece"].iloc[0]].interpolate(0.5, normalized=True)
    path = f"/api/v1/patrols/place.json?day={DAY}&lon={middle.x:.6f}&lat={middle.y:.6f}"
    full = client_of("supervisor").get(path).get_json()["patrols"]
    assert [(row["worker"], row["name"], row["day"]) for row in full] == [("W2", "李二", DAY)]
    bare = client_of("viewer").get(path).get_json()["patrols"]
    # 10:00 on the town's clock; viewers are told the half of the day, and neither who nor when
    assert bare == [
        {"day": DAY, "round": 1, "is_morning": True, "at": None, "worker": None, "name": None}
    ]


@pytest.mark.parametrize("query", ["", "lon=x&lat=1", "lon=nan&lat=1", "lon=190&lat=1"])
def test_place_without_a_place_is_refused(computed: Store, client_of: ClientOf, query: str) -> None:
    answer = client_of("supervisor").get(f"/api/v1/patrols/place.json?{query}")
    assert answer.get_json()["code"] == "patrols.place"


def test_calendar_page_has_a_row_a_worker_and_words_for_every_sign(
    computed: Store, client_of: ClientOf
) -> None:
    page = client_of("supervisor").get(f"/patrols/calendar?day={DAY}").text
    assert page.count('<th scope="row"') == 2
    assert "王一" in page
    assert page.count(f"/patrols/replay?worker=W1&amp;day={DAY}") == 1
    assert page.count('class="no-record"') == 2 * 31 - 2
    assert "没有记录" in page


def test_replay_of_a_forgotten_day_keeps_its_figures(computed: Store, client_of: ClientOf) -> None:
    later = pd.Timestamp("2026-09-01").date()
    assert recordings.forget_old(computed, today=later)["tracks"] == 4
    before = figures(client_of("viewer"))["whole"]
    told = client_of("supervisor").get(f"/api/v1/patrols/replay.json?worker=W1&day={DAY}")
    answer = told.get_json()
    assert answer["tracks"] == []
    assert [row["n_fixes"] for row in answer["rounds"]] == [2]
    assert computed.count("looks") == 0  # there is no track to look at
    patrols_left = figures(client_of("viewer"))["whole"]
    assert patrols_left == before


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("supervisor", "/patrols/"),
        ("supervisor", "/patrols/calendar"),
        ("supervisor", f"/patrols/replay?worker=W1&day={DAY}"),
        ("worker", "/patrols/mine"),
        ("worker", f"/patrols/mine?day={DAY}"),
        ("worker", "/patrols/replay"),
    ],
)
def test_pages_open_in_both_languages(
    computed: Store, client_of: ClientOf, language: str, role: str, path: str
) -> None:
    client = client_of(role)
    client.set_cookie("wangge_language", language)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


def test_suggested_round_is_for_workers_and_a_file_too(
    computed: Store, client_of: ClientOf
) -> None:
    client = client_of("worker")
    told = client.get("/patrols/mine/round.json?minutes=40").get_json()
    assert told["features"], told
    file = client.get("/patrols/mine/round.gpx?minutes=40")
    assert file.mimetype == "application/gpx+xml"
    assert "<trkpt" in file.text
    assert client_of("planner").get("/patrols/mine/round.json").status_code == 404
