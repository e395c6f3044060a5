"""The hotspot page and its API: roles, empty towns, wrong queries, what is kept and exported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.services.hotspots import METHODS
from geo.store import Store
from tests.web.town import sign_in
from web.access import PERMISSIONS, ROLES
from web.readings import BEYOND_WINDOW

ClientOf = Callable[[str], FlaskClient]

ANSWER = "/api/v1/hotspots.json"
FRAMES = "/api/v1/hotspots/frames.json"
ROWS = "/api/v1/hotspots.geojson"
WINDOW = "first=2026-06-01&last=2026-07-31"


def settings_of(page: str) -> dict[str, Any]:
    """What the page's script is given."""
    found = re.search(r'id="map-config"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))  # type: ignore[no-any-return]


def answer_of(client: FlaskClient, query: str, language: str = "en") -> dict[str, Any]:
    """A 200 answer's JSON, without NaN or Infinity."""

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} in the answer to {query}")

    got = client.get(f"{ANSWER}?{query}", headers={"Accept-Language": language})
    assert got.status_code == 200, got.text
    return json.loads(got.text, parse_constant=refuse)  # type: ignore[no-any-return]


@pytest.mark.parametrize("role", ROLES)
def test_page_every_role_sees_it_and_only_some_may_keep(reader_of: ClientOf, role: str) -> None:
    page = reader_of(role).get("/hotspots/").text
    may_keep = "hotspots.compute" in PERMISSIONS[role]
    assert settings_of(page)["settings"]["may_keep"] is may_keep
    assert ('id="hotspots-keep"' in page) is may_keep
    assert 'id="hotspots-export"' in page and 'id="hotspots-play"' in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_page_settings_name_every_method_that_it_offers(reader_of: ClientOf, language: str) -> None:
    page = reader_of("planner").get("/hotspots/", headers={"Accept-Language": language}).text
    config = settings_of(page)
    offered = [entry for group in config["settings"]["groups"] for entry in group["methods"]]
    assert offered[0]["method"] == "significance"
    assert {entry["method"] for entry in offered} <= set(METHODS)
    assert all(entry["label"] and entry["what"] for entry in offered)
    # the newest incident is of 1 July on the town's clock; 90 days with it begin on 3 April
    assert config["settings"]["window"] == {"first": "2026-04-03", "last": "2026-07-01"}
    assert config["texts"]["hotspots.page.more"] in ("更多选项", "More options")


def test_page_of_an_empty_town_offers_no_export_and_nothing_to_keep(empty_app: Flask) -> None:
    page = sign_in(empty_app, "admin").get("/hotspots/").text
    assert settings_of(page)["settings"]["has_incidents"] is False
    assert not any(f'id="hotspots-{name}"' in page for name in ("export", "keep", "play"))


@pytest.mark.parametrize("role", ROLES)
def test_answer_every_role_sees_the_same_figures(reader_of: ClientOf, role: str) -> None:
    told = answer_of(reader_of(role), WINDOW)
    assert told["report"]["method"] == "significance"
    assert told["report"]["n_incidents"] == 3
    assert sorted(told["cells"]["figures"]["n_incidents"]) == [1, 1, 1]
    assert "address" not in json.dumps(told["areas"])


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("method", METHODS)
def test_answer_every_method_on_three_incidents_speaks(
    reader_of: ClientOf, method: str, language: str
) -> None:
    client, query = reader_of("planner"), f"method={method}&{WINDOW}"
    got = client.get(f"{ANSWER}?{query}", headers={"Accept-Language": language})
    if got.status_code == 400:  # two grids are too few to compare, and it says so
        assert got.json is not None and "2" in got.json["message"]
        return
    told = answer_of(client, query, language)
    headline = told["report"]["headline"]
    assert headline and "hotspots." not in headline
    assert bool(re.search("[\u4e00-\u9fff]", headline)) is (language == "zh"), headline
    for feature in told["areas"]["features"]:
        assert feature["properties"]["reading"] and feature["properties"]["place"]
    if told["cells"] is not None:
        n = len(told["cells"]["at"])
        assert len(told["cells"]["level"]) == n
        assert {len(values) for values in told["cells"]["figures"].values()} <= {n}
        size = told["raster"]["rows"] * told["raster"]["cols"]
        assert all(0 <= cell < size for cell in told["cells"]["at"])


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"reports"}))
def test_answer_window_without_incidents_says_so(reader_of: ClientOf, method: str) -> None:
    told = answer_of(reader_of("planner"), f"method={method}&first=2020-01-01&last=2020-01-31")
    assert told["report"]["n_incidents"] == 0
    if method not in BEYOND_WINDOW:
        assert told["report"]["headline"] == "There are no such incidents in this window."
    assert told["report"]["headline"] and told["areas"]["features"] == []


def test_answer_corners_lie_around_the_incidents(reader_of: ClientOf) -> None:
    told = answer_of(reader_of("planner"), WINDOW)
    (north, west), (_, east), (south, _), _ = told["raster"]["corners"]
    incidents = reader_of("planner").get("/api/v1/incidents.geojson").json
    assert incidents is not None
    for feature in incidents["features"]:
        lon, lat = feature["geometry"]["coordinates"]
        assert west < lon < east and south < lat < north


def test_answer_category_counts_only_its_own(reader_of: ClientOf) -> None:
    told = answer_of(reader_of("planner"), f"category=0451&{WINDOW}")
    assert told["report"]["n_incidents"] == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("method=nonsense", "hotspots.unknown_method"),
        ("exposure=nonsense", "hotspots.unknown_exposure"),
        ("correction=nonsense", "hotspots.unknown_correction"),
        ("first=2026-07-31&last=2026-07-01", "form.days_swapped"),
        ("first=yesterday", "api.query.day"),
        ("last=9999-12-31", "api.query.year"),
        ("cell_size_m=60", "api.query.chosen"),
        ("cell_size_m=nan", "api.query.chosen"),
        ("method=kde&bandwidth_m=-1", "api.query.whole"),
        ("method=kde&bandwidth_m=20", "hotspots.bandwidth_below_cell"),
        ("category=9999", "form.category_unknown"),
    ],
)
def test_answer_wrong_value_is_refused_in_words(reader_of: ClientOf, query: str, code: str) -> None:
    for language in ("zh", "en"):
        got = reader_of("planner").get(f"{ANSWER}?{query}", headers={"Accept-Language": language})
        assert got.status_code == 400
        assert got.json is not None and got.json["code"] == code
        assert got.json["message"] and code not in got.json["message"]


@pytest.mark.parametrize("path", [ANSWER, FRAMES, f"{ROWS}?method=significance"])
def test_answer_known_tag_is_304_until_an_incident_changes(
    client_of: ClientOf, store: Store, path: str
) -> None:
    client = client_of("planner")
    tag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    other = f"{path}{'&' if '?' in path else '?'}category=0451"
    assert client.get(other, headers={"If-None-Match": tag}).status_code == 200
    store.update("incidents", {"status": "closed"}, where={"incident": "A2"})
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_answer_tag_hangs_on_the_language(client_of: ClientOf) -> None:
    client = client_of("planner")
    tag = client.get(ANSWER, headers={"Accept-Language": "zh"}).headers["ETag"]
    in_english = {"Accept-Language": "en", "If-None-Match": tag}
    assert client.get(ANSWER, headers=in_english).status_code == 200


def test_frames_share_one_scale_and_end_with_the_window(reader_of: ClientOf) -> None:
    # 61 days from 1 June to 31 July: frames of 28 days end on 31 July and 4 weeks before it
    told = reader_of("planner").get(f"{FRAMES}?{WINDOW}").json
    assert told is not None
    last_days = [frame["last"] for frame in told["frames"]]
    assert last_days == ["2026-07-03", "2026-07-10", "2026-07-17", "2026-07-24", "2026-07-31"]
    # 30 June and 1 July lie in the frames up to the one that ends on 24 July (from 27 June)
    assert [frame["n_incidents"] for frame in told["frames"]] == [3, 3, 3, 3, 0]
    n_classes = len(told["scale"]["limits"]) - 1
    levels = {level for frame in told["frames"] for level in frame["level"]}
    assert levels <= {-1, *range(n_classes)}


def test_rows_of_a_question_are_what_its_answer_shows(reader_of: ClientOf) -> None:
    query = f"method=significance&{WINDOW}"
    told = answer_of(reader_of("viewer"), query)
    exported = reader_of("viewer").get(f"{ROWS}?{query}").json
    assert exported is not None
    assert len(exported["features"]) == len(told["cells"]["at"])
    assert {feature["properties"]["method"] for feature in exported["features"]} == {"significance"}


def test_keep_stores_the_question_and_comes_back_to_it(client_of: ClientOf, store: Store) -> None:
    query = f"method=kde&category=0151&{WINDOW}"
    answer = client_of("supervisor").post(f"/hotspots/keep?{query}")
    assert answer.status_code == 302
    for part in query.split("&"):
        assert part in answer.location
    kept = store.read("hotspots")
    assert set(kept["method"]) == {"kde"} and set(kept["category"]) == {"0151"}
    again = client_of("supervisor").post(f"/hotspots/keep?{query}")
    assert again.status_code == 302
    assert store.count("hotspots") == len(kept)


def test_keep_needs_the_permission_and_the_csrf_token(
    app: Flask, client_of: ClientOf, store: Store
) -> None:
    assert client_of("viewer").post("/hotspots/keep").status_code == 403
    supervisor = client_of("supervisor")
    app.config["WTF_CSRF_ENABLED"] = True
    assert supervisor.post("/hotspots/keep").status_code == 400
    assert store.count("hotspots") == 0


@pytest.mark.parametrize("path", [ANSWER, FRAMES, f"{ROWS}?method=significance"])
def test_empty_town_is_answered_in_words_not_by_a_failure(empty_app: Flask, path: str) -> None:
    got = sign_in(empty_app, "admin").get(path, headers={"Accept-Language": "en"})
    assert got.status_code in (200, 400), got.text
    if got.status_code == 400:
        assert got.json is not None and got.json["message"]
        assert got.json["code"] not in got.json["message"]
