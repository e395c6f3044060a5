"""Density week by week on the hotspot page, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, Site
from tests.browser.hotspot_page import ANSWERED, ANSWERS, opened

FRAMES = "**/api/v1/hotspots/frames.json*"


def test_weeks_play_on_one_scale_and_stop_with_the_question(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    page.locator("#hotspots-play").click()
    slider = page.locator(".player input[type=range]")
    expect(slider).to_be_visible(timeout=20_000)
    before = page.inner_text(".frame-dates")
    legend = page.inner_text(".legend")
    assert "同一套色阶" in legend
    expect(page.locator(".frame-dates")).not_to_have_text(before, timeout=5_000)
    button = page.locator(".player .play")
    button.click()
    held = page.inner_text(".frame-dates")
    page.wait_for_timeout(1500)
    assert page.inner_text(".frame-dates") == held  # paused
    slider.focus()
    page.keyboard.press("End")
    newest = page.inner_text(".frame-dates")
    assert slider.input_value() == slider.get_attribute("max")
    assert newest != held and slider.get_attribute("aria-valuetext") == newest
    assert page.inner_text(".legend") == legend
    seen.keep("hotspots-weeks")
    page.keyboard.press("Escape")
    expect(page.locator(".player")).to_have_count(0)
    assert "不显著" in page.inner_text(".legend")  # the answer is back
    page.locator("#hotspots-play").click()
    expect(slider).to_be_visible(timeout=20_000)
    with page.expect_response(ANSWERS):
        page.select_option("select[name=category]", "0451")
    expect(page.locator(".player")).to_have_count(0)


def test_weeks_of_an_older_question_are_dropped(demo_site: Site, visit: Open) -> None:
    seen = visit(demo_site, "planner")
    page = opened(seen)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(FRAMES, hold)
    page.locator("#hotspots-play").click()
    expect(page.locator(".player")).to_be_visible()
    with page.expect_response(ANSWERS):
        page.select_option("select[name=category]", "0451")
    page.wait_for_selector(ANSWERED)
    held[0].continue_()
    page.wait_for_timeout(800)
    assert page.locator(".player").count() == 0
    assert "不显著" in page.inner_text(".legend")


def test_short_window_has_no_weeks_to_play(demo_site: Site, visit: Open) -> None:
    page = opened(visit(demo_site, "planner"))
    with page.expect_response(ANSWERS):
        page.locator("[data-window=month]").click()
    page.wait_for_selector(ANSWERED)
    page.locator("#hotspots-play").click()
    expect(page.locator(".frame-dates")).to_contain_text("不足五周", timeout=20_000)
    expect(page.locator(".player .play")).to_be_hidden()
