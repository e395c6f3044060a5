"""The page of the month's pain points: what it shows, and what may be decided by whom."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient

from geo.store import Store
from tests.web.town import CRS, SOUTH, WEST, sign_in

ClientOf = Callable[[str], FlaskClient]
MONTH = "2026-03"


@pytest.fixture
def troubled(store: Store) -> Store:
    """A quarter of vendors all over the town, and two a day at one corner."""
    rng = np.random.default_rng(5)
    n_all, n_corner = 60, 90
    x = np.concatenate([rng.uniform(2, 398, n_all), np.full(n_corner, 330.0)])
    y = np.concatenate([rng.uniform(2, 198, n_all), np.full(n_corner, 130.0)])
    days = np.concatenate([rng.integers(0, 90, n_all), np.arange(n_corner)])
    store.write(
        "incidents",
        gpd.GeoDataFrame(
            {
                "incident": [f"T{n:03d}" for n in range(n_all + n_corner)],
                "category": "0451",
                "status": "closed",
                "reported_at": pd.Timestamp("2026-01-01T04:00Z") + pd.to_timedelta(days, unit="D"),
            },
            geometry=shapely.points(WEST + x, SOUTH + y),
            crs=CRS,
        ),
    )
    return store


def test_campaigns_page_ranks_the_corner_and_explains_it(
    client_of: ClientOf, troubled: Store
) -> None:
    page = client_of("viewer").get(f"/campaigns/?month={MONTH}&span=3").text
    assert "占道经营" in page and "反复发生" in page
    assert "/campaigns/choose" not in page  # a viewer decides nothing
    shapes = client_of("viewer").get(f"/campaigns/points.geojson?month={MONTH}&span=3").json
    kinds = [feature["properties"]["kind"] for feature in shapes["features"]]
    assert kinds == ["point"]


def test_campaigns_choose_and_end_are_kept_and_shown(client_of: ClientOf, troubled: Store) -> None:
    planner = client_of("planner")
    where = f"/campaigns/choose?month={MONTH}&span=3"
    shapes = planner.get(f"/campaigns/points.geojson?month={MONTH}&span=3").json
    point = shapes["features"][0]["properties"]["code"]
    form = {"point": point, "decision": "<b>固定摊位</b>", "starts_on": "2026-04-01"}
    assert planner.post(where, data=form).status_code == 302
    assert troubled.read("campaigns")["decision"].tolist() == ["<b>固定摊位</b>"]
    page = planner.get(f"/campaigns/?month={MONTH}&span=3").text
    assert "&lt;b&gt;固定摊位&lt;/b&gt;" in page and "进行中" in page
    assert "nan" not in page.partition('id="panel"')[2].partition("</aside>")[0]
    again = planner.post(where, data=form)
    assert again.status_code == 400 and "已有进行中的专项" in again.text
    campaign = troubled.read("campaigns")["campaign"].iloc[0]
    assert planner.post(f"/campaigns/{campaign}/end", data={"outcome": "好转"}).status_code == 302
    assert "好转" in planner.get("/campaigns/").text


def test_campaigns_without_words_or_point_say_what_is_missing(
    client_of: ClientOf, troubled: Store
) -> None:
    planner = client_of("planner")
    where = f"/campaigns/choose?month={MONTH}&span=3"
    empty = planner.post(
        where, data={"point": "0451@0-0", "decision": "", "starts_on": "2026-04-01"}
    )
    assert empty.status_code == 400 and "请写明" in empty.text
    gone = planner.post(where, data={"point": "x", "decision": "好", "starts_on": "2026-04-01"})
    assert gone.status_code == 400 and "没有 x 这个痛点" in gone.text
    assert troubled.count("campaigns") == 0


def test_campaigns_viewer_and_worker_may_not_decide(client_of: ClientOf, troubled: Store) -> None:
    for role in ("viewer", "worker", "dispatcher"):
        assert client_of(role).post("/campaigns/choose", data={}).status_code == 403


def test_campaigns_of_unknown_month_and_span_show_the_default(
    client_of: ClientOf, troubled: Store
) -> None:
    for query in ("month=1999-13&span=7", "month=%00&span=x", "month=2026-99"):
        assert client_of("planner").get(f"/campaigns/?{query}").status_code == 200


def test_campaigns_in_an_empty_town_say_so(empty_app: Flask) -> None:

    page = sign_in(empty_app, "admin").get("/campaigns/")
    assert page.status_code == 200 and 'class="state"' in page.text
