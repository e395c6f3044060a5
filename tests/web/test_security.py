"""Sign-in, CSRF, headers, errors: what keeps the pages safe."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.store import Store
from tests.web.town import PASSWORD, settings_for, with_accounts
from web import accounts
from web.app import create_app
from web.security import safe_next

ClientOf = Callable[[str], FlaskClient]
TokenOf = Callable[[str], dict[str, str]]

PAGES = ("/", "/plans/", "/incidents/", "/hotspots/", "/patrols/", "/admin/", "/password")
DATA = (
    "/api/v1/grids.geojson",
    "/api/v1/incidents.geojson",
    "/api/v1/hotspots.geojson",
    "/api/v1/hotspots.json",
    "/api/v1/hotspots/frames.json",
    "/api/v1/coverage.geojson",
    "/api/v1/coverage.json",
    "/api/v1/layers/buildings.geojson",
    "/api/v1/search?q=a",
    "/api/v1/summary",
    "/api/v1/jobs/J1",
    "/tiles/base/1/0/0.png",
)


@pytest.mark.parametrize("path", PAGES)
def test_page_not_signed_in_leads_to_login_and_back(town_app: Flask, path: str) -> None:
    answer = town_app.test_client().get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=")


@pytest.mark.parametrize("path", DATA)
def test_data_not_signed_in_is_401_json(town_app: Flask, path: str) -> None:
    answer = town_app.test_client().get(path)
    assert answer.status_code == 401
    assert answer.json is not None and answer.json["code"] == "auth.required"


def test_every_route_but_login_language_and_static_needs_a_principal(app: Flask) -> None:
    open_routes = {"static", "session.login", "session.sign_in", "session.language"}
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    for rule in app.url_map.iter_rules():
        if rule.endpoint in open_routes or rule.endpoint == "session.logout":
            continue
        values = dict.fromkeys(rule.arguments, "1")
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **values)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = client.open(address, method=method)
            assert answer.status_code in (302, 401), (rule.endpoint, method, answer.status_code)


def test_sign_in_wrong_password_says_nothing_about_the_name(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    said = []
    for name in ("admin", "nobody"):
        answer = app.test_client().post("/login", data={"name": name, "password": "wrong wrong"})
        assert answer.status_code == 401
        page = answer.get_data(as_text=True)
        said.append(re.sub(r'(value|nonce)="[^"]*"', "", page))
    assert said[0] == said[1]


def test_sign_in_without_csrf_token_is_refused(app: Flask) -> None:
    answer = app.test_client().post("/login", data={"name": "admin", "password": PASSWORD})
    assert answer.status_code == 400


def test_sign_in_with_csrf_token_of_the_page_works(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/login?next=/plans/").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    answer = client.post(
        "/login",
        data={
            "name": "Admin",
            "password": PASSWORD,
            "next": "/plans/",
            "csrf_token": token.group(1),
        },
    )
    assert (answer.status_code, answer.location) == (302, "/plans/")
    cookies = "; ".join(answer.headers.getlist("Set-Cookie"))
    assert "HttpOnly" in cookies and "SameSite=Lax" in cookies


def test_sign_in_eleventh_try_in_a_minute_is_limited(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    tried = [
        client.post("/login", data={"name": "nobody", "password": "x"}).status_code
        for _ in range(11)
    ]
    assert tried == [401] * 10 + [429]
    right = client.post("/login", data={"name": "admin", "password": PASSWORD})
    assert right.status_code == 429  # the address waits, whatever the name


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "/a\nb",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_safe_next_outside_address_becomes_the_first_page(address: str | None) -> None:
    assert safe_next(address) == "/"


def test_safe_next_inside_path_is_kept() -> None:
    assert safe_next("/plans/?plan=P1") == "/plans/?plan=P1"


def test_password_change_ends_other_sessions(app: Flask, client_of: ClientOf) -> None:
    mine, elsewhere = client_of("planner"), client_of("planner")
    new = {"old": PASSWORD, "new": "a longer password", "again": "a longer password"}
    assert mine.post("/password", data=new).status_code == 302
    assert mine.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


def test_switched_off_account_is_out_at_once(app: Flask, store: Store, client_of: ClientOf) -> None:
    client = client_of("viewer")
    assert client.get("/").status_code == 200
    accounts.change_account(store, "viewer", active=False)
    assert client.get("/").status_code == 302


def test_logout_ends_the_session(client_of: ClientOf) -> None:
    client = client_of("viewer")
    assert client.post("/logout").status_code == 302
    assert client.get("/").status_code == 302


def test_headers_every_answer_has_them_and_a_fresh_nonce(reader_of: ClientOf) -> None:
    client = reader_of("admin")
    nonces = set()
    for path in ("/", "/plans/", "/nowhere", "/api/v1/summary"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        nonces.add(re.search(r"script-src 'nonce-([^']+)'", policy).group(1))  # type: ignore[union-attr]
        assert answer.headers.get("Access-Control-Allow-Origin") is None
    assert len(nonces) == 4


@pytest.mark.parametrize(
    "path", ["/", "/plans/", "/plans/new", "/hotspots/", "/admin/", "/admin/accounts"]
)
def test_page_every_inline_script_and_style_has_the_nonce(reader_of: ClientOf, path: str) -> None:
    answer = reader_of("admin").get(path)
    nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
    assert nonce is not None
    page = answer.get_data(as_text=True)
    for tag in re.findall(r"<(?:script|style)\b[^>]*>", page):
        assert f'nonce="{nonce.group(1)}"' in tag, tag
    assert not re.findall(r"\son[a-z]+=", page)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)


def test_page_user_text_is_escaped(reader_of: ClientOf) -> None:
    for path in ("/", "/plans/"):
        page = reader_of("admin").get(path).get_data(as_text=True)
        assert "<script>alert(1)" not in page
        assert "第一版&lt;script&gt;" in page


def test_unknown_failure_shows_only_a_reference_that_the_log_holds(
    app: Flask,
    client_of: ClientOf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_store: Store) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("web.reach.overview.summary", fail)
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = client_of("admin")
    with caplog.at_level(logging.ERROR, logger="wangge.web"):
        answer = client.get("/", headers={"Accept-Language": "en"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "the secret inside" not in page
    reference = re.search(r'class="reference">([0-9A-F]{8})<', page)
    assert reference is not None
    (record,) = [r for r in caplog.records if reference.group(1) in r.getMessage()]
    assert record.exc_info is not None and "the secret inside" in str(record.exc_info[1])


def test_unknown_failure_of_the_api_is_json_with_a_reference(
    app: Flask, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: Store) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("web.reach.overview.summary", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client_of("admin").get("/api/v1/summary")
    assert answer.status_code == 500
    assert answer.json is not None and answer.json["code"] == "error.unknown"
    assert len(answer.json["params"]["reference"]) == 8
    assert "secret" not in answer.get_data(as_text=True)


def test_token_in_a_page_request_does_not_sign_in(app: Flask, token_of: TokenOf) -> None:
    assert app.test_client().get("/", headers=token_of("admin")).status_code == 302


def test_token_wrong_is_401_even_with_a_session(reader_of: ClientOf) -> None:
    answer = reader_of("admin").get(
        "/api/v1/summary", headers={"Authorization": "Bearer wg_1_nonsense"}
    )
    assert answer.status_code == 401
    assert answer.json is not None and answer.json["code"] == "auth.bad_token"


def test_https_address_makes_the_cookie_secure(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, base_url="https://grid.example"))
    with_accounts(app)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    answer = client.post(
        "/login",
        data={"name": "viewer", "password": PASSWORD},
        base_url="https://grid.example",
    )
    assert any("Secure" in value for value in answer.headers.getlist("Set-Cookie"))
    assert "Strict-Transport-Security" in answer.headers
    assert client.get("/login", base_url="https://evil.example").status_code == 400
    app.extensions["wangge.store"].close()


def test_body_larger_than_allowed_is_413(reader_of: ClientOf) -> None:
    answer = reader_of("admin").post("/password", data={"old": "x" * 3_000_000})
    assert answer.status_code == 413


def test_upload_larger_than_a_form_is_taken_with_its_csrf_token(
    app: Flask, client_of: ClientOf
) -> None:
    client = client_of("planner")
    app.config["WTF_CSRF_ENABLED"] = True
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/").text)
    assert token is not None
    field = '--B\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = (
        field.format("csrf_token", "", token.group(1))
        + field.format("layer", "", "incidents")
        + field.format("file", '; filename="large.csv"', "x" * 3_000_000)
        + "--B--\r\n"
    )
    sent = client.post("/admin/import", data=body, content_type="multipart/form-data; boundary=B")
    with sent as answer:
        assert answer.status_code == 302


def test_upload_of_somebody_who_may_not_import_stays_small(app: Flask, client_of: ClientOf) -> None:
    client = client_of("viewer")
    app.config["WTF_CSRF_ENABLED"] = True
    with client.post("/admin/import", data={"layer": "x" * 3_000_000}) as answer:
        assert answer.status_code == 413
