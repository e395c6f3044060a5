"""The patrol pages of a small town in a real browser: supervisor, worker, calendar, replay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import geopandas as gpd
import pandas as pd
import pytest
from playwright.sync_api import expect
from shapely.geometry import Point

from geo.services import patrols
from geo.store import Store
from tests.browser.conftest import Open, Site, _served
from tests.web.town import CRS, SOUTH, WEST, fill
from web import accounts

YESTERDAY = date.today() - timedelta(days=1)
BEFORE = YESTERDAY - timedelta(days=1)


def _walk(
    worker: str, day: date, number: int, start_m: float, end_m: float, *, silent_s: int = 0
) -> gpd.GeoDataFrame:
    """A fix every 10 m and 8 s along the street; no signal for some time in the middle."""
    steps = int((end_m - start_m) / 10) + 1
    second = [8 * step + (silent_s if step > steps / 2 else 0) for step in range(steps)]
    begin = pd.Timestamp(day, tz="Asia/Shanghai") + pd.Timedelta(hours=8 if number == 1 else 14)
    return gpd.GeoDataFrame(
        {
            "patrol": f"{day:%Y%m%d}-{number}-{worker}",
            "worker": worker,
            "day": pd.Timestamp(day),
            "round": number,
            "at": begin.tz_convert("UTC") + pd.to_timedelta(second, unit="s"),
        },
        geometry=[Point(WEST + start_m + 10 * step, SOUTH + 11) for step in range(steps)],
        crs=CRS,
    )


@pytest.fixture(scope="session")
def patrol_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two workers who walked yesterday and the day before, served."""
    folder = tmp_path_factory.mktemp("patrols")
    with Store.open(folder / "wangge.db") as store:
        fill(store)
        store.delete("tracks", where={})
        for walk in (
            _walk("W1", BEFORE, 1, 0, 200, silent_s=300),
            _walk("W1", YESTERDAY, 1, 0, 100),
            _walk("W1", YESTERDAY, 2, 0, 60),
            _walk("W2", YESTERDAY, 1, 200, 260),
        ):
            store.write("tracks", walk)
        patrols.compute(store)
        passwords = {
            role: accounts.create_account(
                store, role, role, person="W1" if role == "worker" else None
            )
            for role in ("admin", "supervisor", "viewer", "worker")
        }
    for address in _served(folder):
        yield Site(address, passwords, folder)


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_pages_of_rounds_open_without_fault(
    patrol_site: Site, visit: Open, language: str, size: str
) -> None:
    boss = visit(patrol_site, "supervisor", language=language, size=size)
    worker = visit(patrol_site, "worker", language=language, size=size)
    for seen, path, is_map, name in (
        (boss, "/patrols/", True, "map"),
        (boss, "/patrols/?span=week&look=recency", True, "recency"),
        (boss, f"/patrols/calendar?day={YESTERDAY}", False, "calendar"),
        (boss, f"/patrols/replay?worker=W1&day={YESTERDAY}", True, "replay"),
        (worker, "/patrols/mine", True, "mine"),
    ):
        seen.open(path, is_map=is_map)
        body = seen.page.inner_text("body")
        for mark in ("undefined", "NaN", "null", "coverage.", "rounds.", "patrols."):
            assert mark not in body, (path, mark)
        overflow = seen.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path
        seen.keep(f"patrols-{name}-{language}-{size}")


def test_supervisor_chooses_week_grid_and_recency(patrol_site: Site, visit: Open) -> None:
    seen = visit(patrol_site, "supervisor")
    seen.open("/patrols/", is_map=True)
    page = seen.page
    page.wait_for_selector("#panel .three-way")
    page.click("button[name=span][value=week]")
    page.wait_for_selector("#panel .day-bars li")
    assert "span=week" in page.url
    expect(page.locator("button[name=span][value=week]")).to_have_attribute("aria-pressed", "true")
    page.locator("#panel .day-bars button").last.click()
    page.wait_for_selector("#panel .day-bars", state="detached")
    assert f"day={YESTERDAY}" in page.url
    assert "span=day" in page.url
    page.select_option("select[name=grid]", "02")
    expect(page.locator("#panel .answer")).not_to_have_attribute("aria-busy", "true")
    assert "grid=02" in page.url
    page.click("button[name=look][value=recency]")
    expect(page.locator(".legend summary")).to_contain_text("多久")
    assert page.locator(".legend").count() == 1


def test_missed_street_is_shown_on_the_map_and_a_place_tells_who_comes(
    patrol_site: Site, visit: Open
) -> None:
    seen = visit(patrol_site, "supervisor")
    seen.open(f"/patrols/?day={YESTERDAY}", is_map=True)
    page = seen.page
    row = page.locator("#panel table tbody tr", has_text="东西街").first
    row.wait_for()
    row.click()
    page.wait_for_timeout(400)
    box = page.locator(".map-frame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".leaflet-popup-content .facts").last).to_contain_text("谁在什么时候")
    seen.keep("patrols-place")


def test_viewer_sees_figures_but_neither_names_nor_calendar(patrol_site: Site, visit: Open) -> None:
    seen = visit(patrol_site, "viewer")
    seen.open("/patrols/", is_map=True)
    seen.page.wait_for_selector("#panel .three-way")
    assert seen.page.locator("select[name=worker]").count() == 0
    assert seen.page.locator("a[href*='/patrols/calendar']").count() == 0


def test_calendar_by_keyboard_opens_the_replay_of_a_day(patrol_site: Site, visit: Open) -> None:
    seen = visit(patrol_site, "supervisor")
    seen.open(f"/patrols/calendar?day={YESTERDAY}")
    page = seen.page
    cells = page.locator("#calendar td a")
    assert page.locator("#calendar td a[tabindex='0']").count() == 1
    last = page.locator(f"#calendar a[href*='worker=W1'][href*='day={YESTERDAY}']")
    assert str(YESTERDAY) in (last.get_attribute("aria-label") or "")
    cells.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-map-ready=true]")
    assert f"day={YESTERDAY}" in page.url


def test_replay_runs_and_says_where_the_signal_was_lost(patrol_site: Site, visit: Open) -> None:
    seen = visit(patrol_site, "supervisor")
    seen.open(f"/patrols/replay?worker=W1&day={BEFORE}", is_map=True)
    page = seen.page
    slider = page.locator(".replay-controls input")
    end = slider.input_value()
    assert int(end) > 20
    page.click(".replay-controls button")  # from the end it starts anew
    page.wait_for_function(
        "end => Number(document.querySelector('.replay-controls input').value) < Number(end)",
        arg=end,
    )
    page.click(".replay-controls button")
    slider.fill(str(14))  # 210 s on: inside the silence
    expect(page.locator(".clock")).to_contain_text("无信号")
    seen.keep("patrols-replay-silence")


def test_worker_sees_what_is_left_and_who_looked(patrol_site: Site, visit: Open) -> None:
    boss = visit(patrol_site, "supervisor")
    boss.open(f"/patrols/replay?worker=W1&day={BEFORE}", is_map=True)
    seen = visit(patrol_site, "worker", size="phone")
    seen.open("/patrols/mine", is_map=True)
    page = seen.page
    page.wait_for_selector(".mine-head")
    assert str(YESTERDAY) in page.inner_text(".mine-head")
    assert page.locator(".left-list button").count() >= 1
    text = page.inner_text("#panel")
    assert "30 天" in text
    assert f"supervisor 看了 {BEFORE} 的轨迹" in text
    page.get_by_role("button", name="画出路线").click()
    page.locator("a[href*='round.gpx']").wait_for()
    page.locator(".mine-head button").first.click()
    expect(page.locator(".mine-head h2")).to_contain_text(str(BEFORE))


def test_account_without_person_is_told_so(patrol_site: Site, visit: Open) -> None:
    seen = visit(patrol_site, "viewer")
    seen.page.goto(f"{patrol_site.address}/patrols/mine")
    assert "花名册" in seen.page.inner_text("main")
    seen.faults = [fault for fault in seen.faults if "404" not in fault]
