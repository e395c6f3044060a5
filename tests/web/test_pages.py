"""Pages: empty and full towns, both languages, who may open what, forms and uploads."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.store import Store
from tests.web.town import sign_in
from web.access import PERMISSIONS, ROLES

ClientOf = Callable[[str], FlaskClient]

OPEN_TO_ALL = ("/", "/plans/", "/incidents/", "/hotspots/", "/patrols/", "/password")
NEEDS = {
    "/plans/new": "plans.make",
    "/patrols/new": "coverage.compute",
    "/admin/": "layers.import",
    "/admin/accounts": "accounts.manage",
    "/admin/tokens": "tokens.manage",
}


@pytest.mark.parametrize("role", ROLES)
def test_pages_open_by_role(reader_of: ClientOf, role: str) -> None:
    client = reader_of(role)
    for path in OPEN_TO_ALL:
        assert client.get(path).status_code == 200, path
    for path, permission in NEEDS.items():
        expected = 200 if permission in PERMISSIONS[role] else 403
        assert client.get(path).status_code == expected, path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_of_an_empty_town_say_what_to_do_next(empty_app: Flask, language: str) -> None:
    client = sign_in(empty_app, "admin")
    for path in (*OPEN_TO_ALL, *NEEDS):
        assert client.get(path, headers={"Accept-Language": language}).status_code == 200, path
    home = client.get("/", headers={"Accept-Language": language}).get_data(as_text=True)
    assert ("导入社区边界" if language == "zh" else "Import community borders") in home
    plans = client.get("/plans/", headers={"Accept-Language": language}).get_data(as_text=True)
    assert "/admin/?layer=buildings" in plans


def test_dashboard_next_step_after_ground_is_planning(client_of: ClientOf, store: Store) -> None:
    store.delete("plans", where={})
    page = client_of("planner").get("/", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert 'class="button big" href="/plans/new"' in page
    viewer = client_of("viewer").get("/", headers={"Accept-Language": "en"})
    assert 'href="/plans/new"' not in viewer.get_data(as_text=True)


def test_demo_town_is_said_to_be_made_up_on_every_page(client_of: ClientOf, store: Store) -> None:
    client = client_of("admin")
    assert "虚构示例" not in client.get("/", headers={"Accept-Language": "zh"}).text
    store.set_setting("demo", True)
    for path in (*OPEN_TO_ALL, *NEEDS):
        assert "虚构示例" in client.get(path, headers={"Accept-Language": "zh"}).text, path
    english = client.get("/", headers={"Accept-Language": "en"}).text
    assert "belongs to no real place" in english


def test_language_browser_first_then_the_switch(client_of: ClientOf) -> None:
    client = client_of("viewer")
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": "en-GB,zh;q=0.5"}).text
    assert 'lang="zh-CN"' in client.get("/", headers={"Accept-Language": "zh-TW,en;q=0.5"}).text
    assert 'lang="zh-CN"' in client.get("/", headers={"Accept-Language": "fr"}).text
    answer = client.get("/language/en?next=/plans/?plan%3DP1")
    assert (answer.status_code, answer.location) == (302, "/plans/?plan=P1")
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": "zh"}).text
    assert client.get("/language/fr").status_code == 404
    assert client.get("/language/zh?next=https://evil.example").location == "/"


def test_login_without_any_account_tells_the_command(empty_app: Flask) -> None:
    with empty_app.extensions["wangge.store"].engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM web_account_roles")
        connection.exec_driver_sql("DELETE FROM web_accounts")
    page = empty_app.test_client().get("/login").get_data(as_text=True)
    assert "wangge account add" in page
    assert 'name="password"' not in page


def test_plan_unknown_is_404(reader_of: ClientOf) -> None:
    assert reader_of("viewer").get("/plans/?plan=P9").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "0"),
        ("target", "nan"),
        ("target", "many"),
        ("tolerance", "101"),
        ("seed", "1.5"),
        ("effective_from", "tomorrow"),
    ],
)
def test_plan_form_bad_value_is_said_and_kept(
    client_of: ClientOf, store: Store, field: str, value: str
) -> None:
    good = {
        "target": "380",
        "tolerance": "5",
        "seed": "0",
        "name": "甲",
        "effective_from": "2026-11-22",
    }
    answer = client_of("planner").post("/plans/new", data={**good, field: value})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="甲"' in answer.text
    assert store.count("jobs") == 0


def test_upload_without_file_or_layer_is_said(reader_of: ClientOf) -> None:
    client = reader_of("planner")
    for form in (
        {"layer": "buildings"},
        {"layer": "jobs", "file": (io.BytesIO(b"x"), "a.csv")},
        {"layer": "buildings", "datum": "mars", "file": (io.BytesIO(b"x"), "a.csv")},
    ):
        answer = client.post("/admin/import", data=form)
        assert answer.status_code == 400 and 'role="alert"' in answer.text, form


def test_account_add_shows_the_password_once(client_of: ClientOf) -> None:
    client = client_of("admin")
    answer = client.post("/admin/accounts", data={"name": "新人", "role": "planner"})
    assert answer.status_code == 200 and answer.text.count('class="secret"') == 1
    again = client.get("/admin/accounts")
    assert 'class="secret"' not in again.text and "新人" in again.text


def test_account_change_last_admin_is_refused(client_of: ClientOf) -> None:
    answer = client_of("admin").post(
        "/admin/accounts/admin", data={"action": "switch_off"}, headers={"Accept-Language": "en"}
    )
    assert answer.status_code == 400
    assert "last administrator" in answer.text


def test_token_add_shows_it_once_and_revoke_ends_it(app: Flask, client_of: ClientOf) -> None:
    client = client_of("admin")
    page = client.post("/admin/tokens", data={"name": "大屏", "role": "viewer"}).text
    made = page.split('class="secret"', 1)[1].split("<code>", 1)[1].split("</code>", 1)[0]
    header = {"Authorization": f"Bearer {made}"}
    other = app.test_client()
    assert other.get("/api/v1/summary", headers=header).status_code == 200
    assert made not in client.get("/admin/tokens").text
    assert client.post("/admin/tokens/1/revoke").status_code == 302
    assert other.get("/api/v1/summary", headers=header).status_code == 401


@pytest.mark.parametrize("name", ["../secret-key", "..%2Fsecret-key", "nothing.csv", "secret-key"])
def test_rejects_only_of_imports_are_given(reader_of: ClientOf, name: str) -> None:
    assert reader_of("planner").get(f"/admin/rejects/{name}").status_code == 404
