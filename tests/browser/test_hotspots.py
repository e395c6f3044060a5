"""The hotspot page in a real browser: question, map, table, what is exported and kept."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, Site
from tests.browser.hotspot_page import (
    ANSWERED,
    ANSWERS,
    alphas,
    answer_with,
    click_at,
    made_up,
    opened,
)


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_significance_shows_cells_places_and_what_is_not_significant(
    demo_site: Site, visit: Open, language: str, size: str
) -> None:
    seen = visit(demo_site, "planner", language=language, size=size)
    page = opened(seen)
    assert re.search(r"\d", page.inner_text(".hotspot-summary h2"))
    assert page.locator("#panel tbody tr").count() >= 1
    if size == "phone":
        page.locator(".legend summary").click()
    said = "不显著" if language == "zh-CN" else "not significant"
    assert said in page.inner_text(".legend")
    assert len(alphas(page) - {0}) >= 2  # quiet cells fainter than hot ones
    overflow = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    assert "hotspots." not in page.inner_text("main")  # no code without its text
    seen.keep(f"hotspots-significance-{language}-{size}")


def test_every_offered_method_is_answered_in_words(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner", language="en-GB")
    page = opened(seen)
    methods = page.eval_on_selector_all(
        "select[name=method] option", "options => options.map(option => option.value)"
    )
    assert len(methods) > 5
    for method in methods:
        if method == "recent":  # a thousand random maps; too long for this test
            continue
        with page.expect_response(ANSWERS, timeout=30_000):
            page.select_option("select[name=method]", method)
        page.wait_for_selector(ANSWERED)
        assert len(page.inner_text(".hotspot-summary h2")) > 5, method
        assert len(page.inner_text("#method-what")) > 20, method
        assert "hotspots." not in page.inner_text("main"), method
        assert f"method={method}" in page.url
        seen.keep(f"hotspots-{method}")


def test_question_stands_in_the_address_and_comes_back(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    assert page.url.endswith("/hotspots/")  # as usual: nothing to remember
    page.locator("[data-window=year]").click()
    page.select_option("select[name=category]", "0451")
    page.locator(".more-options summary").click()
    with page.expect_response(lambda answer: "exposure=households" in answer.url):
        page.select_option("select[name=exposure]", "households")
    page.wait_for_selector(ANSWERED)
    kept = page.url
    for part in ("category=0451", "exposure=households", "method=significance", "first=", "last="):
        assert part in kept
    assert "cell_size_m" not in kept
    with page.expect_response(lambda answer: "hotspots.json" in answer.url) as got:
        page.goto(kept)
    assert "exposure=households" in got.value.url and "category=0451" in got.value.url
    page.wait_for_selector(ANSWERED)
    assert page.input_value("select[name=category]") == "0451"
    assert page.locator("[data-window=year]").get_attribute("aria-pressed") == "true"
    assert page.locator("details.more-options").get_attribute("open") is not None
    with page.expect_response(lambda answer: "hotspots.json" in answer.url):
        page.locator("[data-window=month]").click()
    page.locator("a.language").click()
    page.wait_for_selector(ANSWERED)
    assert page.get_attribute("html", "lang") == "en"
    assert page.input_value("select[name=exposure]") == "households"
    assert page.locator("[data-window=month]").get_attribute("aria-pressed") == "true"


def test_options_are_those_that_the_method_heeds(demo_site: Site, visit: Open) -> None:
    page = opened(visit(demo_site, "planner"))
    page.locator(".more-options summary").click()
    expect(page.locator("select[name=exposure]")).to_be_visible()
    expect(page.locator("input[name=bandwidth_m]")).to_be_hidden()
    with page.expect_response(ANSWERS) as got:
        page.select_option("select[name=method]", "kde")
    expect(page.locator("select[name=exposure]")).to_be_hidden()
    expect(page.locator("input[name=bandwidth_m]")).to_be_visible()
    assert "bandwidth_m=150" in got.value.url and "exposure" not in got.value.url
    page.wait_for_selector(ANSWERED)
    legend = page.inner_text(".legend")
    assert "平方公里" in legend and "不显著" not in legend


def test_row_opens_its_place_and_the_place_marks_its_row(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    answer_with(seen, made_up())
    page = opened(seen)
    row = page.locator("#panel tbody tr")
    assert row.locator("td").all_inner_texts() == [
        "1",
        "<b>市场</b>",
        "12",
        "3.25",
        "+8.8",
        "3.7\n1.9–6.5",
        "< 0.1%",
    ]
    remarks = page.inner_text(".remarks")
    assert "说明一" in remarks and "3 起" in remarks  # 2 outside, 1 without a place
    expect(page.locator(".reading")).to_be_hidden()
    row.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".leaflet-popup-content")
    expect(popup).to_contain_text("市场：12 起。")
    expect(popup.locator("h3")).to_have_text("<b>市场</b>")
    expect(page.locator(".reading")).to_have_text("市场：12 起。")
    expect(row).to_have_attribute("aria-current", "true")
    page.locator("#panel th button").nth(2).click()  # sorting makes the rows anew
    expect(page.locator("#panel tbody tr")).to_have_attribute("aria-current", "true")

    page.reload()
    page.wait_for_selector(ANSWERED)
    # the second row from the north, first column: half a cell in
    click_at(page, 44.33 - 0.0025 * 1.5, 125.45 + 0.0025 * 0.5)
    expect(popup).to_contain_text("市场：12 起。")
    assert re.search(r"件数\s*5\s", popup.inner_text())
    expect(page.locator("#panel tbody tr")).to_have_class("chosen")
    seen.keep("hotspots-place-opened")


def test_cell_that_is_not_significant_says_so(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    answer_with(seen, made_up())
    page = opened(seen)
    click_at(page, 44.32 + 0.0025 * 0.5, 125.46 - 0.0025 * 0.5)
    popup = page.locator(".leaflet-popup-content")
    expect(popup).to_contain_text("不显著")
    assert re.search(r"件数\s*2\s", popup.inner_text())
    click_at(page, 44.325, 125.456)  # a cell without incidents
    expect(popup).to_have_count(0)


def test_nothing_found_is_said_in_the_panel_and_on_the_map(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen, "?category=0451&first=2020-01-01&last=2020-01-31")
    headline = page.inner_text(".hotspot-summary h2")
    assert headline == "所选时段没有这类事件。"
    assert page.inner_text(".map-says") == headline
    assert page.locator("#panel table").count() == 0
    assert alphas(page) == {0}
    seen.keep("hotspots-nothing")


def test_older_answer_that_comes_later_is_dropped(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    late: list[Route] = []

    def hold(route: Route) -> None:
        if "category=0451" in route.request.url:
            late.append(route)
        else:
            route.continue_()

    page.route(ANSWERS, hold)
    page.select_option("select[name=category]", "0451")
    expect(page.locator(".waiting")).to_be_visible()
    with page.expect_response(ANSWERS):
        page.select_option("select[name=category]", "")
    page.wait_for_selector(ANSWERED)
    said = page.inner_text(".hotspot-summary h2")
    body = json.dumps(made_up())
    late[0].fulfill(status=200, content_type="application/json", body=body)
    page.wait_for_timeout(300)
    assert page.inner_text(".hotspot-summary h2") == said != "一处热点。"
    expect(page.locator(".waiting")).to_be_hidden()


def test_swapped_days_are_said_and_mended(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    last = page.input_value("input[name=last]")
    with page.expect_response(ANSWERS):
        page.fill("input[name=last]", "2020-01-01")
    page.wait_for_selector("#panel .state.error")
    assert "日期" in page.inner_text("#panel .state.error") or "结束" in page.inner_text(
        "#panel .state.error"
    )
    with page.expect_response(ANSWERS):
        page.fill("input[name=last]", last)
    page.wait_for_selector(".hotspot-summary h2")
    # the refusal itself is in the console and among the answers, and nothing else is
    assert [fault for fault in seen.faults if "400" not in fault] == []
    seen.faults.clear()


def test_export_and_keep_follow_the_question(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen, "?method=kde&category=0451")
    link = page.locator("#hotspots-export")
    address = link.get_attribute("href") or ""
    for part in ("method=kde", "category=0451", "bandwidth_m=150", "first=", "last="):
        assert part in address
    rows = page.request.get(f"{demo_site.address}{address}").json()["features"]
    assert {row["properties"]["method"] for row in rows} == {"kde"}
    page.locator("#hotspots-keep button").click()
    page.wait_for_selector(".flash")
    assert "method=kde" in page.url and "category=0451" in page.url
    page.wait_for_selector(ANSWERED)
    assert page.input_value("select[name=method]") == "kde"


def test_viewer_may_export_but_not_keep(demo_site: Site, visit: Open) -> None:
    page = opened(visit(demo_site, "viewer"))
    assert page.locator("#hotspots-export").count() == 1
    assert page.locator("#hotspots-keep").count() == 0


def test_lattice_of_100_000_cells_is_drawn_and_hit(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    rows, cols = 250, 400
    n = rows * cols
    # a lattice bent by a tenth of its width, so that it is drawn in several blocks
    corners = [[44.33, 125.45], [44.33, 125.46], [44.32, 125.461], [44.32, 125.45]]
    answer = made_up(
        raster={"rows": rows, "cols": cols, "corners": corners},
        cells={
            "at": list(range(n)),
            "level": [0] * n,
            "figures": {"n_incidents": list(range(n))},
        },
        areas={"type": "FeatureCollection", "features": []},
    )
    answer_with(seen, answer)
    page = opened(seen)
    # the middle of the picture: rows 125, columns 200, halfway between the middles of its sides
    click_at(page, 44.325 - 1e-5, (125.4605 + 125.45) / 2 + 1e-5)
    popup = page.locator(".leaflet-popup-content")
    expect(popup).to_contain_text(f"{125 * cols + 200:,}")
    shades = alphas(page, middle=0.16)
    assert min(shades) > 0.85 * max(shades)  # blocks meet without a seam
    page.mouse.move(900, 600)
    page.mouse.wheel(0, 400)
    page.wait_for_timeout(600)
    assert alphas(page) - {0}


def test_answer_out_of_sight_brings_the_town_back(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    click_at(page, 44.30, 125.40)  # far from the town
    with page.expect_response(ANSWERS):
        page.select_option("select[name=category]", "0451")
    page.wait_for_selector(ANSWERED)
    page.wait_for_timeout(300)
    assert len(alphas(page) - {0}) >= 2
