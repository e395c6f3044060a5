"""The API: GeoJSON that other systems can rely on, masked by role, conditional by ETag."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.store import Store

ClientOf = Callable[[str], FlaskClient]
TokenOf = Callable[[str], dict[str, str]]

SECRETS = ("王一", "李二", "张三", "赵四", "钱五", "1990000000", "W1", "W2")
"""Everything personal in the town."""


def features(client: FlaskClient, path: str, **options: object) -> list[dict[str, object]]:
    answer = client.get(path, **options)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/geo+json"
    collection = json.loads(answer.text)
    assert collection["type"] == "FeatureCollection" and "crs" not in collection
    return list(collection["features"])


def test_grids_have_stable_ids_wgs84_and_workers(reader_of: ClientOf) -> None:
    found = features(reader_of("planner"), "/api/v1/grids.geojson")
    assert [feature["id"] for feature in found] == ["P1/01", "P1/02"]
    first = found[0]
    assert first["properties"]["worker_name"] == "王一"  # type: ignore[index]
    assert first["properties"]["community_name"] == "东社区"  # type: ignore[index]
    lon, lat = first["geometry"]["coordinates"][0][0]  # type: ignore[index]
    assert 125.9 < lon < 126.1 and 43 < lat < 45  # EPSG:4551's central meridian is 126 E


def test_grids_by_date_before_any_plan_are_none(reader_of: ClientOf) -> None:
    client = reader_of("viewer")
    assert features(client, "/api/v1/grids.geojson?date=2026-01-01") == []
    assert len(features(client, "/api/v1/grids.geojson?date=2026-01-02")) == 2


def test_grids_of_unknown_plan_are_404_with_code(reader_of: ClientOf) -> None:
    answer = reader_of("viewer").get("/api/v1/grids.geojson?plan=P9")
    assert answer.status_code == 404
    assert answer.json is not None and answer.json["code"] == "plan.unknown"
    assert answer.json["params"] == {"plan": "P9"}


def test_incidents_window_of_local_days_is_half_open(reader_of: ClientOf) -> None:
    client = reader_of("viewer")

    def found(query: str) -> list[object]:
        return [feature["id"] for feature in features(client, f"/api/v1/incidents.geojson{query}")]

    # A1 was reported at 23:30 of 30 June on the town's clock, A2 half an hour after midnight
    assert found("?from=2026-06-30&to=2026-06-30") == ["A1"]
    assert found("?from=2026-07-01&to=2026-07-01") == ["A3", "A2"]
    assert found("?from=2026-06-30T16:30:00Z&to=2026-07-01T04:00:00Z") == ["A2"]
    assert found("?category=0451") == ["A3"]
    assert found("?status=closed,reported&category=0151") == ["A2", "A1"]
    assert found("?from=2026-07-02&to=2026-06-01") == []


def test_incidents_limit_says_how_many_match(reader_of: ClientOf) -> None:
    answer = reader_of("viewer").get("/api/v1/incidents.geojson?limit=1")
    collection = json.loads(answer.text)
    assert (len(collection["features"]), collection["numberMatched"]) == (1, 3)


def test_incidents_box_in_degrees_is_applied(reader_of: ClientOf) -> None:
    client = reader_of("viewer")
    points = features(client, "/api/v1/incidents.geojson")
    (lon, lat) = next(f for f in points if f["id"] == "A1")["geometry"]["coordinates"]  # type: ignore[index]
    box = f"{lon - 0.0001},{lat - 0.0001},{lon + 0.0001},{lat + 0.0001}"
    assert [f["id"] for f in features(client, f"/api/v1/incidents.geojson?bbox={box}")] == ["A1"]


@pytest.mark.parametrize("box", ["-180,-90,180,90", "0,0,180,80", "100,0,180,90"])
def test_incidents_box_of_half_the_world_holds_the_town(reader_of: ClientOf, box: str) -> None:
    client = reader_of("viewer")
    everything = features(client, "/api/v1/incidents.geojson")
    assert features(client, f"/api/v1/incidents.geojson?bbox={box}") == everything


def test_incidents_box_on_another_continent_is_empty(reader_of: ClientOf) -> None:
    assert features(reader_of("viewer"), "/api/v1/incidents.geojson?bbox=-80,-50,-70,-40") == []


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-07-01T00:00:00",
        "to=9999-12-31",
        "limit=0",
        "limit=1e9",
        "limit=１",
        "bbox=1,2,3",
        "bbox=nan,0,1,1",
        "bbox=10,0,1,1",
        "bbox=0,0,inf,1",
    ],
)
def test_incidents_bad_query_is_400_with_code(reader_of: ClientOf, query: str) -> None:
    answer = reader_of("viewer").get(f"/api/v1/incidents.geojson?{query}")
    assert answer.status_code == 400
    assert answer.json is not None and answer.json["code"].startswith("api.query.")


def test_viewer_gets_no_personal_data_anywhere(client_of: ClientOf, token_of: TokenOf) -> None:
    paths = (
        "/api/v1/grids.geojson",
        "/api/v1/incidents.geojson",
        "/api/v1/coverage.geojson?day=2026-07-01",
        "/api/v1/layers/incidents.geojson",
        "/api/v1/layers/grids.geojson",
        "/api/v1/layers/buildings.geojson",
        "/api/v1/summary",
        "/api/v1/search?q=01",
        "/",
        "/plans/",
        "/incidents/",
        "/patrols/",
    )
    client = client_of("viewer")
    for path in paths:
        # random letters (a nonce, a token) hold a W1 by chance
        sent = re.sub(r'nonce="[^"]*"|name="csrf_token" value="[^"]*"', "", client.get(path).text)
        assert [secret for secret in SECRETS if secret in sent] == [], path
    header = token_of("viewer")
    for path in paths[:8]:
        sent = client.application.test_client().get(path, headers=header).text
        assert [secret for secret in SECRETS if secret in sent] == [], path


def test_worker_gets_names_of_the_own_grid_only(reader_of: ClientOf) -> None:
    client = reader_of("worker")
    sent = client.get("/api/v1/grids.geojson").text
    assert "王一" in sent and "李二" not in sent and "W2" not in sent
    cases = {f["id"]: f["properties"] for f in features(client, "/api/v1/incidents.geojson")}
    assert cases["A1"]["reporter"] == "张三"  # type: ignore[index]
    assert cases["A2"]["reporter"] is None and cases["A3"]["contact"] is None  # type: ignore[index]


@pytest.mark.parametrize(
    ("role", "n_fixes"), [("admin", 4), ("supervisor", 4), ("worker", 2), ("planner", None)]
)
def test_tracks_are_for_reviewers_and_the_own_person(
    reader_of: ClientOf, role: str, n_fixes: int | None
) -> None:
    answer = reader_of(role).get("/api/v1/layers/tracks.geojson")
    if n_fixes is None:
        assert answer.status_code == 403
    else:
        assert len(json.loads(answer.text)["features"]) == n_fixes


def test_layer_unknown_or_without_geometry_is_404(reader_of: ClientOf) -> None:
    client = reader_of("admin")
    for layer in ("roster", "jobs", "nowhere", "imports"):
        answer = client.get(f"/api/v1/layers/{layer}.geojson")
        assert answer.status_code == 404
        assert answer.json is not None and answer.json["code"] == "api.no_layer"


def test_etag_unchanged_is_304_until_the_layer_changes(client_of: ClientOf, store: Store) -> None:
    client = client_of("planner")
    first = client.get("/api/v1/incidents.geojson")
    tag = first.headers["ETag"]
    again = client.get("/api/v1/incidents.geojson", headers={"If-None-Match": tag})
    assert again.status_code == 304 and again.data == b"" and again.headers["ETag"] == tag
    other = client.get("/api/v1/incidents.geojson?status=closed", headers={"If-None-Match": tag})
    assert other.status_code == 200
    store.update("incidents", {"status": "closed"}, where={"incident": "A2"})
    changed = client.get("/api/v1/incidents.geojson", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag


def test_etag_of_one_role_does_not_serve_another(app: Flask, token_of: TokenOf) -> None:
    client = app.test_client()
    full = client.get("/api/v1/incidents.geojson", headers=token_of("dispatcher"))
    tag = full.headers["ETag"]
    masked = client.get(
        "/api/v1/incidents.geojson", headers={**token_of("viewer"), "If-None-Match": tag}
    )
    assert masked.status_code == 200
    assert "Authorization" in masked.headers["Vary"] and "Cookie" in masked.headers["Vary"]
    assert "private" in masked.headers["Cache-Control"]


def test_search_finds_grid_codes_as_points(reader_of: ClientOf) -> None:
    answer = reader_of("viewer").get("/api/v1/search?q=02")
    assert answer.json is not None
    (found,) = [f for f in answer.json["features"] if f["properties"]["kind"] == "grid"]
    assert found["properties"]["key"] == "02"
    assert reader_of("viewer").get("/api/v1/search?q=").json["features"] == []  # type: ignore[index]


def test_summary_is_plain_json(reader_of: ClientOf) -> None:
    answer = reader_of("viewer").get("/api/v1/summary")
    assert answer.json is not None
    assert answer.json["households"] == 100 and answer.json["people"] == 200
    assert answer.json["incidents_from"].startswith("2026-06-30T15:30:00")


def test_tile_is_a_png_that_the_browser_may_keep(reader_of: ClientOf) -> None:
    client = reader_of("viewer")
    answer = client.get("/tiles/base/4/13/5.png?v=1")
    assert answer.status_code == 200 and answer.mimetype == "image/png"
    assert answer.data.startswith(b"\x89PNG") and "max-age" in answer.headers["Cache-Control"]
    assert client.get("/tiles/base/4/99/5.png").status_code == 404
    assert client.get("/tiles/base/40/0/0.png").status_code == 404


def test_incidents_answer_is_streamed(reader_of: ClientOf) -> None:
    answer = reader_of("admin").get("/api/v1/layers/incidents.geojson", buffered=False)
    assert answer.is_streamed and answer.content_length is None
    answer.close()


def test_looks_at_personal_data_are_logged_with_who_looked(
    reader_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="wangge.looks"):
        assert reader_of("dispatcher").get("/api/v1/incidents.geojson").text
        assert reader_of("viewer").get("/api/v1/incidents.geojson").text
    (said,) = [record.getMessage() for record in caplog.records if record.name == "wangge.looks"]
    assert said == "account 'dispatcher' (dispatcher) looked at reporter, contact of incidents"
