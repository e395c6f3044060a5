"""The application: settings and store in, a Flask app out."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from geo.store import Store
from web import api, errors, pages, security
from web.config import Settings
from web.filters import FILTERS, note_text
from web.jobs import Jobs
from web.language import current_language, translate
from web.remembered import Remembered
from web.work import KINDS


def create_app(settings: Settings, *, store: Store | None = None) -> Flask:
    """The web app over the store of these settings (or one that is open already).

    Background work waits until `app.extensions["wangge.jobs"].start()` is called, which
    `wangge serve` does; its `stop()` belongs to the same hand.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if store is None:
        store = Store.open(settings.store_location)
        atexit.register(store.close)
    if settings.timezone and store.get_setting("timezone", None) != settings.timezone:
        store.set_setting("timezone", settings.timezone)

    app = Flask("web", static_folder="static", template_folder="templates")
    app.testing = settings.testing
    app.url_map.strict_slashes = False
    app.extensions["wangge.settings"] = settings
    app.extensions["wangge.store"] = store
    app.extensions["wangge.remembered"] = Remembered(store)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    if settings.base_url:
        host = urlsplit(settings.base_url).hostname or ""
        app.config["TRUSTED_HOSTS"] = [host, "localhost", "127.0.0.1"]
    app.extensions["wangge.limiter"] = security.install(app, settings, store)
    app.extensions["wangge.jobs"] = Jobs(settings, store, KINDS)
    errors.install(app)
    pages.install(app)
    api.install(app)
    _teach_templates(app)
    return app


def _teach_templates(app: Flask) -> None:
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    shared: dict[str, Callable[..., Any]] = {
        "t": translate,
        "csp_nonce": security.nonce,
        "language": current_language,
        "principal": security.principal,
        "town": pages.town,
        "note_text": note_text,
    }
    app.jinja_env.globals.update(shared)
