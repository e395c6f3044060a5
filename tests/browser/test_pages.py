"""Every page of the demo town, in both languages and both widths, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Site

MAPS = ("plans", "incidents", "hotspots", "patrols")
OTHERS = (
    "",
    "plans/new",
    "patrols/new",
    "admin/",
    "admin/accounts",
    "admin/tokens",
    "password",
)


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_map_pages_draw_the_town_and_its_layer(
    demo_site: Site, visit: Open, language: str, size: str
) -> None:
    seen = visit(demo_site, "admin", language=language, size=size)
    for room in MAPS:
        seen.open(f"/{room}/", is_map=True)
        seen.page.wait_for_selector("#panel table tbody tr", timeout=20_000)
        tiles = seen.page.locator("img.leaflet-tile-loaded")
        assert tiles.count() >= 4, room
        assert seen.page.locator(".legend").count() == 1, room
        assert seen.page.locator(".leaflet-control-scale").count() == 1, room
        assert seen.page.locator(".map-search input").count() == 1, room
        # the layer itself is drawn: some pixel of its canvas is not transparent
        drawn = seen.page.evaluate(
            """() => [...document.querySelectorAll('.leaflet-overlay-pane canvas')].some((canvas) =>
                canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
                    .data.some((value) => value !== 0))"""
        )
        assert drawn, room
        seen.keep(f"{room}-{language}-{size}")


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_other_pages_open_and_say_the_town_is_made_up(
    demo_site: Site, visit: Open, language: str, size: str
) -> None:
    seen = visit(demo_site, "admin", language=language, size=size)
    said = "虚构" if language == "zh-CN" else "Made-up"
    for path in OTHERS:
        seen.open(f"/{path}")
        assert said in seen.page.inner_text("body"), path
        assert seen.page.locator("h1").count() == 1, path
        # nothing sticks out sideways on a phone
        overflow = seen.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path
        seen.keep(f"{path or 'dashboard'}-{language}-{size}")


def test_language_switch_changes_the_words_and_stays(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "viewer", language="zh-CN")
    seen.open("/plans/", is_map=True)
    assert seen.page.get_attribute("html", "lang").startswith("zh")
    seen.page.locator("[href*='/language/en'], [formaction*='/language/en']").first.click()
    seen.page.wait_for_load_state("networkidle")
    assert seen.page.get_attribute("html", "lang") == "en"
    seen.open("/incidents/", is_map=True)
    assert seen.page.get_attribute("html", "lang") == "en"


def test_plan_table_row_opens_the_grid_on_the_map(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/plans/", is_map=True)
    row = seen.page.locator("#panel tbody tr").first
    code = row.locator(".code").get_attribute("title")
    row.click()
    popup = seen.page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert code in popup.inner_text()
    seen.keep("plan-grid-opened")


def test_plan_page_lists_as_many_grids_as_the_plan_has(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/plans/", is_map=True)
    assert seen.page.locator("#panel tbody tr").count() == 48
    assert seen.page.locator(".grid-label").count() == 48


def test_search_finds_a_grid_and_a_compound(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/plans/", is_map=True)
    code = seen.page.locator("#panel tbody .code").first.get_attribute("title")
    box = seen.page.locator(".map-search input")
    box.fill(code)
    result = seen.page.locator(".search-results button").first
    result.wait_for()
    result.click()
    seen.page.locator(".leaflet-popup-content").wait_for()
    box.fill("不存在的地方")
    seen.page.locator(".search-results .none").wait_for()
    assert seen.page.locator(".search-results button").count() == 0
    seen.keep("search-none")


def test_layer_switch_hides_and_shows_the_grids(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/plans/", is_map=True)
    seen.page.locator(".leaflet-control-layers").hover()
    boxes = seen.page.locator(".leaflet-control-layers-overlays input")
    assert boxes.count() == 3
    grids = seen.page.locator(".leaflet-control-layers-overlays label", has_text="网格").locator(
        "input"
    )
    grids.uncheck()
    expect(seen.page.locator(".grid-label")).to_have_count(0)  # labels fade out
    grids.check()
    expect(seen.page.locator(".grid-label")).to_have_count(48)
    seen.page.locator(".leaflet-control-layers-overlays label", has_text="小区范围").locator(
        "input"
    ).check()
    seen.page.wait_for_load_state("networkidle")
    seen.keep("layers")


def test_incident_filters_change_what_is_counted(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/incidents/", is_map=True)
    seen.page.wait_for_selector("#panel .count")
    before = seen.page.inner_text("#panel .count")
    with seen.page.expect_response("**/incidents.geojson*"):
        seen.page.select_option("select[name=status]", "closed")
    seen.page.wait_for_function(
        "before => document.querySelector('#panel .count')?.innerText !== before", arg=before
    )
    assert "status=closed" in seen.page.url
    with seen.page.expect_response("**/incidents.geojson*"):
        seen.page.fill("input[name=from]", "2020-01-01")
    with seen.page.expect_response("**/incidents.geojson*"):
        seen.page.fill("input[name=to]", "2020-01-02")
    seen.page.wait_for_selector("#panel .state")
    seen.keep("incidents-none")


def test_coverage_by_round_changes_the_share(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    seen.open("/patrols/", is_map=True)
    seen.page.wait_for_selector("#panel .count")
    whole_day = seen.page.inner_text("#panel .count")
    seen.page.select_option("select[name=round]", "1")
    seen.page.wait_for_function(
        "before => document.querySelector('#panel .count') &&"
        " document.querySelector('#panel .count').innerText !== before",
        arg=whole_day,
    )
    assert seen.page.inner_text("#panel .count") != whole_day
    seen.keep("coverage-round-1")


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_empty_town_says_what_to_do_next(empty_site: Site, visit: Open, language: str) -> None:
    seen = visit(empty_site, "admin", language=language)
    for room in MAPS:
        seen.open(f"/{room}/", is_map=True)
        state = seen.page.locator("#panel .state")
        assert len(state.inner_text()) > 10, room
        assert state.locator("a").count() == 1, room
        seen.keep(f"empty-{room}-{language}")
    seen.open("/")
    seen.keep(f"empty-dashboard-{language}")
