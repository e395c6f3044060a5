"""The demo town's planted trouble spots: how many are found, and how many finds are false.

Run: python -m tests.bench.hotspots.planted [--quick]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import pandas as pd

from boundaries import demo
from geo.services import campaigns, hotspots, imports
from geo.services.hotspots import Question
from geo.store import Store
from tests.bench.results import table

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LAST = date(2026, 10, 31)
WINDOWS = {1: date(2026, 10, 1), 3: date(2026, 8, 1), 12: date(2025, 11, 1)}
NEEDED = ("communities", "buildings", "streets", "incidents")
NEAR_M = 50.0
"""A find this near a planted spot of its category, in its time, is that spot: one cell."""


@dataclass(frozen=True)
class Score:
    found: int
    planted: int
    false: int
    seconds: float


def town_store(folder: Path) -> tuple[Store, gpd.GeoDataFrame]:
    """A store with the demo town's ground and incidents, and the planted spots."""
    town = demo.generate()
    store = Store.open(folder / "wangge.db")
    for file in demo.write_files(town, folder / "files"):
        if file.layer in NEEDED:
            imports.import_file(
                store, file.layer, file.path, crs=file.crs, datum=file.datum,
                source_layer=file.source_layer, rejects_dir=folder, now=NOW,
            )  # fmt: skip
    return store, town.hotspot_truth.to_crs(store.crs)


def finds(store: Store, first: date, *, method: str, exposure: str) -> gpd.GeoDataFrame:
    """Areas of every category found by a method."""
    span = store.read("incidents", columns=["category"])["category"].unique()
    parts = []
    for category in sorted(span):
        question = Question(method, first, LAST, category=category, exposure=exposure)
        areas = hotspots.analyse(store, question, now=NOW).areas
        parts.append(areas[["geometry"]].assign(category=category))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=store.crs)


def judge(found: gpd.GeoDataFrame, truth: gpd.GeoDataFrame, seconds: float) -> Score:
    """How many of the planted spots were found, and how many finds are none of them."""
    ground = truth.geometry.buffer(NEAR_M)
    hits = [
        ((found["category"] == spot.category) & found.intersects(ground.loc[spot.Index])).any()
        for spot in truth.itertuples()
    ]
    false = [
        not ((truth["category"] == row.category) & ground.intersects(row.geometry)).any()
        for row in found.itertuples()
    ]
    return Score(sum(hits), len(truth), sum(false), seconds)


def main() -> None:
    quick = "--quick" in sys.argv
    with TemporaryDirectory() as folder:
        store, truth = town_store(Path(folder))
        lines = []
        for months, first in WINDOWS.items():
            if quick and months == 1:
                continue
            zone = truth["window_to"].dt.tz
            is_on = (truth["window_to"] > pd.Timestamp(first, tz=zone)) & (
                truth["window_from"] <= pd.Timestamp(LAST, tz=zone)
            )
            ways: dict[str, Callable[[], gpd.GeoDataFrame]] = {
                "pain points": lambda first=first: campaigns.ranked(store, first, LAST, now=NOW),
                "significance, each category": lambda first=first: finds(
                    store, first, method="significance", exposure="fitted"
                ),
                "significance, background": lambda first=first: finds(
                    store, first, method="significance", exposure="background"
                ),
                "Gi* + BH, each category": lambda first=first: finds(
                    store, first, method="gi", exposure="ground"
                ),
            }
            for name, way in ways.items():
                clock = time.process_time()
                found = way()
                score = judge(found, truth[is_on], time.process_time() - clock)
                lines.append(
                    [months, name, f"{score.found} of {score.planted}", score.false,
                     f"{score.seconds:.2f}"]
                )  # fmt: skip
        store.close()
    print(table(["months", "method", "planted spots found", "false areas", "CPU s"], lines))


if __name__ == "__main__":
    main()
