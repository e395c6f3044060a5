"""Serve the app on this machine: waitress for requests, background work beside it."""

from __future__ import annotations

import waitress
from flask import Flask

THREADS = 8


def run(app: Flask, *, host: str, port: int) -> None:
    """Answer requests until interrupted; background work stops with it."""
    jobs = app.extensions["wangge.jobs"]
    jobs.start()
    try:
        waitress.serve(app, host=host, port=port, threads=THREADS, ident=None)
    finally:
        jobs.stop()
