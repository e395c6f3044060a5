"""What tests of the hotspot page share: how it is opened, answered, clicked and looked at."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, Route

from tests.browser.conftest import Watched

ANSWERED = "#panel .answer:not([aria-busy]) > *"
ANSWERS = "**/api/v1/hotspots.json*"

# A made-up answer on 4 x 4 cells whose corners lie 0.01 degrees apart, hot in the north-west.
CORNERS = [[44.33, 125.45], [44.33, 125.46], [44.32, 125.46], [44.32, 125.45]]


def opened(seen: Watched, query: str = "") -> Page:
    seen.open(f"/hotspots/{query}", is_map=True)
    seen.page.wait_for_selector(ANSWERED, timeout=30_000)
    return seen.page


def alphas(page: Page, *, middle: float = 1.0) -> set[int]:
    """The different opacities, 0 to 255, of the middle share of the cells' canvas; soft edges,
    which few pixels have, left out."""
    found = page.evaluate(
        """middle => {
            const canvas = document.querySelector('canvas.cells');
            const [width, height] = [canvas.width * middle | 0, canvas.height * middle | 0];
            const [left, top] = [(canvas.width - width) / 2 | 0, (canvas.height - height) / 2 | 0];
            const copy = new OffscreenCanvas(canvas.width, canvas.height)
                .getContext('2d', {willReadFrequently: true});
            copy.drawImage(canvas, 0, 0);
            const {data} = copy.getImageData(left, top, width, height);
            const counts = new Map();
            for (let at = 3; at < data.length; at += 4)
                counts.set(data[at], (counts.get(data[at]) ?? 0) + 1);
            return [...counts].filter(([, n]) => n > 100).map(([alpha]) => alpha);
        }""",
        middle,
    )
    return set(found)


def made_up(**changes: Any) -> dict[str, Any]:
    """An answer with one hot place of two cells and one quiet cell."""
    square = [[125.45, 44.33], [125.4525, 44.33], [125.4525, 44.325], [125.45, 44.325]]
    place = {
        "rank": 1,
        "area": "A-1",
        "verdict": "hot",
        "level": 0,
        "place": "<b>市场</b>",
        "reading": "市场：12 起。",
        "n_incidents": 12,
        "expected": 3.25,
        "excess": 8.75,
        "relative_risk": 3.7,
        "risk_low": 1.9,
        "risk_high": 6.5,
        "q": 0.0002,
    }
    answer = {
        "report": {
            "headline": "一处热点。",
            "notes": ["说明一"],
            "n_incidents": 14,
            "n_outside": 2,
            "n_unplaced": 1,
            "first": "2026-08-01",
            "last": "2026-08-31",
            "seconds": 0.1,
        },
        "verdicts": [{"verdict": "hot", "label": "显著偏高"}],
        "scale": None,
        "raster": {"rows": 4, "cols": 4, "corners": CORNERS},
        # row 0 is north: the two cells of the first column, and the south-east corner
        "cells": {
            "at": [0, 4, 15],
            "level": [0, 0, -1],
            "figures": {"n_incidents": [7, 5, 2], "q": [0.0002, 0.01, 0.9]},
        },
        "areas": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": "A-1",
                    "geometry": {"type": "Polygon", "coordinates": [[*square, square[0]]]},
                    "properties": place,
                }
            ],
        },
    }
    return {**answer, **changes}


def answer_with(seen: Watched, answer: dict[str, Any]) -> None:
    """Let the page's questions be answered with this."""

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps(answer))

    seen.page.route(ANSWERS, fulfil)


def click_at(page: Page, lat: float, lon: float) -> None:
    """Click the map at a place."""
    point = page.evaluate(
        """([lat, lon]) => {
            const config = JSON.parse(document.getElementById('map-config').textContent);
            const map = window[config.map];
            map.setView([lat, lon], 16, {animate: false});
            const at = map.latLngToContainerPoint([lat, lon]);
            const box = map.getContainer().getBoundingClientRect();
            return [box.x + at.x, box.y + at.y];
        }""",
        [lat, lon],
    )
    page.mouse.click(*point)
