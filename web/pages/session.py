"""Signing in and out, the password, and the language."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_user, logout_user

from geo.errors import ParameterError
from web import accounts
from web.config import LANGUAGES
from web.language import COOKIE, COOKIE_DAYS, translate
from web.reach import settings, store
from web.security import LOGIN_LIMITS, NAME_LIMITS, needs, safe_next

room = Blueprint("session", __name__)


@room.get("/login")
def login() -> ResponseReturnValue:
    """The sign-in page; somebody signed in goes on."""
    after = safe_next(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(after)
    return _login_page(after)


@room.post("/login")
def sign_in() -> ResponseReturnValue:
    """Check name and password; a wrong pair is told nothing more than that."""
    name = request.form.get("name", "")[:200]
    after = safe_next(request.form.get("next"))
    limiter = current_app.extensions["wangge.limiter"]
    with limiter.limit(LOGIN_LIMITS), limiter.limit(NAME_LIMITS, key_func=_name_key):
        sessions = current_app.extensions["wangge.sessions"]
        account = accounts.find_account(sessions, name, request.form.get("password", ""))
    if account is None:
        return _login_page(after, name=name, problem=translate("auth.wrong")), 401
    accounts.record_login(store(), account.username, at=datetime.now(UTC))
    session.clear()
    session.permanent = True
    login_user(account, remember=False)
    return redirect(after)


@room.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session."""
    logout_user()
    session.clear()
    return redirect(url_for("session.login"))


@room.get("/language/<language>")
def language(language: str) -> ResponseReturnValue:
    """Keep the language in a cookie and go back to the page."""
    if language not in LANGUAGES:
        abort(404)
    response = make_response(redirect(safe_next(request.args.get("next"))))
    response.set_cookie(
        COOKIE,
        language,
        max_age=COOKIE_DAYS * 86400,
        httponly=True,
        samesite="Lax",
        secure=settings().is_https,
    )
    return response


@room.route("/password", methods=["GET", "POST"])
@needs()
def password() -> ResponseReturnValue:
    """Change one's own password."""
    if request.method == "POST":
        sessions = current_app.extensions["wangge.sessions"]
        name = current_user.username
        old, new = request.form.get("old", ""), request.form.get("new", "")
        if accounts.find_account(sessions, name, old) is None:
            return render_template("password.html", problem=translate("password.wrong")), 400
        if new != request.form.get("again", ""):
            return render_template("password.html", problem=translate("password.unequal")), 400
        sessions.remove()
        accounts.set_password(store(), name, new)
        if (account := accounts.find_account(sessions, name, new)) is not None:
            login_user(account, remember=False)
        flash(translate("password.changed"))
        return redirect(url_for("dashboard.show"))
    return render_template("password.html", problem="")


def _name_key() -> str:
    try:
        return f"name:{accounts.normal_name(request.form.get('name', ''))}"
    except ParameterError:
        return "name:"


def _login_page(after: str, *, name: str = "", problem: str = "") -> str:
    return render_template(
        "login.html",
        after=after,
        name=name,
        problem=problem,
        has_accounts=accounts.has_accounts(store()),
    )
