"""The language of a response: the cookie, else the browser's wish, else the setting."""

from __future__ import annotations

from typing import Any

from flask import current_app, g, has_request_context, request

from web.config import LANGUAGES, Settings
from web.texts import text

COOKIE = "wangge_language"
COOKIE_DAYS = 365


def current_language() -> str:
    """The language of this request."""
    settings: Settings = current_app.extensions["wangge.settings"]
    if not has_request_context():
        return settings.language
    if "language" not in g:
        g.language = _choose(settings.language)
    return str(g.language)


def translate(code: str, /, **params: Any) -> str:
    """The text of a code in this request's language."""
    return text(current_language(), code, **params)


def _choose(default: str) -> str:
    wanted = request.cookies.get(COOKIE)
    if wanted in LANGUAGES:
        return wanted
    wishes = (wish.partition("-")[0].lower() for wish in request.accept_languages.values())
    return next((wish for wish in wishes if wish in LANGUAGES), default)
