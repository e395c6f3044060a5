"""The safety of every response and request: headers, nonces, CSRF, who asks, login limits."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import Security, current_user
from flask_wtf.csrf import CSRFProtect

from geo.errors import PermissionDenied
from geo.services import roster
from geo.store import Store
from web import accounts
from web.access import Principal
from web.config import Settings, secret_key_of
from web.reach import today

P = ParamSpec("P")
R = TypeVar("R")

SESSION_HOURS = 12
LOGIN_LIMITS = "10 per minute; 60 per hour"
"""Sign-in attempts from one address."""

NAME_LIMITS = "20 per minute; 100 per hour"
"""Sign-in attempts for one name, wherever they come from."""

NONCE_BYTES = 18
SMALL_BODY = 2 * 1024 * 1024
"""Largest body of a request that is not an upload, bytes."""

UPLOAD_ENDPOINT = "admin.upload"


class NotSignedIn(Exception):  # noqa: N818 - it is an answer, not a fault
    """Nobody is signed in, or the token is not known."""

    def __init__(self, code: str = "auth.required") -> None:
        super().__init__(code)
        self.code = code


def nonce() -> str:
    """The nonce of this response; the same for all its scripts and styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(NONCE_BYTES)
    return str(g.csp_nonce)


def install(app: Flask, settings: Settings, store: Store) -> Limiter:
    """Set up sessions, accounts, CSRF, limits and headers on the app; the limiter is returned."""
    app.config.update(
        SECRET_KEY=secret_key_of(settings),
        SESSION_COOKIE_NAME="wangge_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        MAX_CONTENT_LENGTH=SMALL_BODY,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=settings.is_https,
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_SALT="unused: argon2 makes a salt for each password",
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"username": {"mapper": accounts.normal_name}}],
        RATELIMIT_STORAGE_URI="memory://",
        RATELIMIT_HEADERS_ENABLED=False,
    )
    accounts.prepare(store)
    sessions = accounts.session_registry(store)
    app.extensions["wangge.sessions"] = sessions
    Security(app, accounts.datastore(sessions), register_blueprint=False)
    app.before_request(_make_room)  # before CSRFProtect, which reads the form
    CSRFProtect(app)
    limiter = Limiter(get_remote_address, app=app)
    app.teardown_appcontext(lambda _error: sessions.remove())
    app.after_request(_with_headers)
    return limiter


def principal() -> Principal | None:
    """Who asks: by the token of an API request, else by the browser session; else None."""
    if "principal" not in g:
        g.principal = _find_principal()
    return g.principal  # type: ignore[no-any-return]


def require_principal() -> Principal:
    """Who asks.

    Raises
    ------
    NotSignedIn : nobody
    """
    asking = principal()
    if asking is None:
        has_token = "Authorization" in request.headers
        raise NotSignedIn("auth.bad_token" if has_token else "auth.required")
    return asking


def needs(permission: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view that only signed-in principals with the permission (if any) may call."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            asking = require_principal()
            if permission is not None and not asking.may(permission):
                raise PermissionDenied(
                    "auth.forbidden",
                    f"role {asking.role} has no permission {permission}",
                    role=asking.role,
                    permission=permission,
                )
            return view(*args, **kwargs)

        return guarded

    return decorate


def safe_next(address: str | None) -> str:
    """A path inside this site to go on to; the first page when the address leads elsewhere."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    has_control = any(ord(letter) < 32 or letter == "\\" for letter in address)
    return "/" if has_control else address


def _make_room() -> None:
    """Let the body of an upload be large, for those who may import."""
    if request.endpoint != UPLOAD_ENDPOINT or request.method != "POST":
        return
    asking = principal()
    if asking is not None and asking.may("layers.import"):
        settings: Settings = current_app.extensions["wangge.settings"]
        request.max_content_length = settings.max_upload_mb * 1024 * 1024


def _find_principal() -> Principal | None:
    header = request.headers.get("Authorization", "")
    scheme, _, presented = header.partition(" ")
    if header and request.path.startswith(("/api/", "/tiles/")):
        if scheme.lower() != "bearer":
            return None
        sessions = current_app.extensions["wangge.sessions"]
        return accounts.principal_of_token(sessions, presented.strip())
    if not current_user.is_authenticated:
        return None
    store: Store = current_app.extensions["wangge.store"]
    person = current_user.person
    is_worker = current_user.role == "worker" and person is not None
    grids = roster.grids_of(store, person, on=today()) if is_worker else frozenset()
    return Principal(current_user.username, current_user.role, person=person, grids=grids)


def _with_headers(response: Response) -> Response:
    once = nonce()
    policy = {
        "default-src": "'none'",
        "script-src": f"'nonce-{once}' 'self'",
        "style-src": f"'self' 'nonce-{once}'",
        "style-src-attr": "'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    headers: dict[str, Any] = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(self), interest-cohort=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.vary.update(["Cookie", "Accept-Language", "Authorization"])
    return response
