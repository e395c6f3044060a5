"""What people and programs are told when something fails."""

from __future__ import annotations

import logging
import math
import secrets
from typing import Any

from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from geo.errors import (
    ConflictError,
    GridError,
    InputError,
    NotFoundError,
    PermissionDenied,
)
from web.language import current_language
from web.security import NotSignedIn
from web.texts import error_text, load

log = logging.getLogger("wangge.web")

STATUS: tuple[tuple[type[GridError], int], ...] = (
    (InputError, 400),
    (NotFoundError, 404),
    (ConflictError, 409),
    (PermissionDenied, 403),
)
"""Error class -> HTTP status; every other GridError is our own failure."""


def new_reference() -> str:
    """A short number a person can read out, under which the log holds the details."""
    return secrets.token_hex(4).upper()


def status_of(error: GridError) -> int:
    """The HTTP status of an error of the house."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def wants_json() -> bool:
    """Whether the request came from a program."""
    return request.path.startswith(("/api/", "/tiles/"))


def install(app: Flask) -> None:
    """Register the handlers on the app."""
    app.register_error_handler(GridError, _on_grid_error)
    app.register_error_handler(NotSignedIn, _on_not_signed_in)
    app.register_error_handler(CSRFError, _on_csrf)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(Exception, _on_unknown)


def _on_grid_error(error: GridError) -> ResponseReturnValue:
    status = status_of(error)
    if error.code == "store.busy":
        return _answer(503, error.code, error.params)
    if status >= 500:
        reference = new_reference()
        log.error("%s %s: %s", reference, error.code, error, exc_info=error)
        return _answer(status, "error.unknown", {"reference": reference}, reference=reference)
    log.info("%s %s: %s", request.path, error.code, error)
    return _answer(status, error.code, error.params)


def _on_not_signed_in(error: NotSignedIn) -> ResponseReturnValue:
    if wants_json():
        response, status = _json(401, error.code, {})
        response.headers["WWW-Authenticate"] = 'Bearer realm="wangge"'
        return response, status
    asked_for = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("session.login", next=asked_for))


def _on_csrf(_error: CSRFError) -> ResponseReturnValue:
    return _answer(400, "error.csrf", {})


def _on_http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400 or isinstance(error, SecurityError):
        return error.get_response()  # a redirect; or a host not ours, for which no page is drawn
    code = f"error.http_{error.code}"
    if code not in load("en"):
        code = "error.http"
    return _answer(error.code, code, {"status": error.code})


def _on_unknown(error: Exception) -> ResponseReturnValue:
    reference = new_reference()
    log.error("%s %s %s", reference, request.method, request.path, exc_info=error)
    return _answer(500, "error.unknown", {"reference": reference}, reference=reference)


def _answer(
    status: int, code: str, params: dict[str, Any], *, reference: str = ""
) -> ResponseReturnValue:
    if wants_json():
        return _json(status, code, params)
    message = error_text(current_language(), code, params)
    page = render_template("error.html", status=status, message=message, reference=reference)
    return page, status


def _json(status: int, code: str, params: dict[str, Any]) -> tuple[Response, int]:
    plain = {key: _json_value(value) for key, value in params.items()}
    message = error_text(current_language(), code, params)
    return jsonify(code=code, message=message, params=plain), status


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_json_value(part) for part in value]
    return str(value)
