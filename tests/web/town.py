"""A small town drawn by hand, and how tests sign in to an app over it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
from flask import Flask
from flask.testing import FlaskClient
from shapely.geometry import LineString, Point, box

from geo.store import Store
from web import accounts
from web.access import ROLES
from web.config import Settings

CRS = "EPSG:4551"
WEST, SOUTH = 500_000.0, 4_850_000.0
"""South-west corner of the town, metres: two squares of 200 m side by side."""

PASSWORD = "correct horse battery"


def square(column: int, side_m: float = 200.0) -> object:
    return box(WEST + column * side_m, SOUTH, WEST + (column + 1) * side_m, SOUTH + side_m)


def fill(store: Store) -> None:
    """Two grids 01 and 02 of plan P1, their workers W1 and W2, three incidents, one street."""
    store.set_crs(CRS)
    store.set_setting("town_name", {"zh": "试验街道", "en": "Trial subdistrict"})
    squares = [square(0), square(1)]
    store.write(
        "communities",
        gpd.GeoDataFrame(
            {"community": ["990101001001", "990101001002"], "name": ["东社区", "西社区"]},
            geometry=squares,
            crs=CRS,
        ),
    )
    store.write(
        "buildings",
        gpd.GeoDataFrame(
            {
                "building": ["b1", "b2"],
                "households": [40, 60],
                "people": [80, 120],
                "households_estimated": [False, True],
                "floors": [6, 6],
                "use": ["residential", "residential"],
            },
            geometry=[piece.buffer(-60) for piece in squares],
            crs=CRS,
        ),
    )
    store.write(
        "plans",
        pd.DataFrame(
            {
                "plan": ["P1"],
                "name": ["第一版<script>alert(1)</script>"],
                "status": ["published"],
                "cell_set": ["P1"],
                "created_at": [pd.Timestamp("2026-01-01", tz="UTC")],
                "effective_from": [pd.Timestamp("2026-01-02")],
                "report": [{"n_grids": 2, "max_abs_deviation": 0.2}],
            }
        ),
    )
    store.write(
        "grids",
        gpd.GeoDataFrame(
            {
                "plan": "P1",
                "grid": ["01", "02"],
                "community": ["990101001001", "990101001002"],
                "households": [40, 60],
                "deviation": [-0.2, 0.2],
            },
            geometry=squares,
            crs=CRS,
        ),
    )
    store.write(
        "roster",
        pd.DataFrame(
            {
                "person": ["W1", "W2"],
                "name": ["王一", "李二"],
                "phone": ["19900000001", "19900000002"],
                "role": "grid_worker",
                "area_kind": "grid",
                "area": ["01", "02"],
                "valid_from": pd.Timestamp("2026-01-02"),
            }
        ),
    )
    store.write(
        "incidents",
        gpd.GeoDataFrame(
            {
                "incident": ["A1", "A2", "A3"],
                "category": ["0151", "0151", "0451"],
                "status": ["closed", "reported", "reported"],
                # 23:30 on 30 June and 00:30 and 12:00 on 1 July on the town's clock (UTC+8)
                "reported_at": pd.to_datetime(
                    ["2026-06-30T15:30Z", "2026-06-30T16:30Z", "2026-07-01T04:00Z"]
                ),
                "reporter": ["张三", "赵四", "钱五"],
                "contact": ["19900000003", "19900000004", "19900000005"],
                "description": ["张三家门口有垃圾", "垃圾", "占道"],
                "address": ["东街1号", "西街2号", "西街3号"],
                "grid": ["01", "02", "02"],
                "plan": "P1",
            },
            geometry=[
                Point(WEST + 50, SOUTH + 50),
                Point(WEST + 250, SOUTH + 50),
                Point(WEST + 300, SOUTH + 90),
            ],
            crs=CRS,
        ),
    )
    store.write(
        "streets",
        gpd.GeoDataFrame(
            {"street": ["s1"], "name": ["东西街"], "class": ["residential"], "length_m": [400.0]},
            geometry=[LineString([(WEST, SOUTH + 10), (WEST + 400, SOUTH + 10)])],
            crs=CRS,
        ),
    )
    store.write(
        "tracks",
        gpd.GeoDataFrame(
            {
                "patrol": ["p1", "p1", "p2", "p2"],
                "worker": ["W1", "W1", "W2", "W2"],
                "day": pd.Timestamp("2026-07-01"),
                "round": 1,
                "at": pd.to_datetime(
                    [
                        "2026-07-01T01:00Z",
                        "2026-07-01T01:01Z",
                        "2026-07-01T02:00Z",
                        "2026-07-01T02:01Z",
                    ]
                ),
            },
            geometry=[
                Point(WEST, SOUTH + 10),
                Point(WEST + 100, SOUTH + 10),
                Point(WEST + 300, SOUTH + 10),
                Point(WEST + 380, SOUTH + 10),
            ],
            crs=CRS,
        ),
    )


def settings_for(folder: Path, **changes: object) -> Settings:
    return Settings(data_dir=folder, secret_key="k" * 40, testing=True, **changes)  # type: ignore[arg-type]


def with_accounts(app: Flask) -> None:
    for role in ROLES:
        person = "W1" if role == "worker" else None
        accounts.create_account(app.extensions["wangge.store"], role, role, PASSWORD, person=person)


def sign_in(app: Flask, role: str) -> FlaskClient:
    """A client signed in as that role, CSRF checks off for its forms."""
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/login", data={"name": role, "password": PASSWORD})
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return client
