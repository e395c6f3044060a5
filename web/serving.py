"""Serving the app to an office: waitress in front, background work beside it."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

import waitress
from flask import Flask

from geo.store import Store
from web.config import Settings
from web.jobs import Jobs

THREADS = 8
MEGABYTE = 1024 * 1024


def run(app: Flask, *, host: str, port: int) -> None:
    """Nothing; serves until the process is interrupted or told to end, then closes all down."""
    settings: Settings = app.extensions["wangge.settings"]
    jobs: Jobs = app.extensions["wangge.jobs"]
    store: Store = app.extensions["wangge.store"]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("huey", "alembic", "waitress.queue"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    server = waitress.create_server(
        app,
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        max_request_body_size=(settings.max_upload_mb + 1) * MEGABYTE,
        clear_untrusted_proxy_headers=settings.trusted_proxies == 0,
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    jobs.start()
    try:
        server.run()
    finally:
        server.close()
        jobs.stop()
        store.close()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
