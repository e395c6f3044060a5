"""The demo town in a real server of its own process, and the system's Chromium to open it.

What a page must never do is watched on every page of every test: a console error, a violation of
the Content-Security-Policy, a request to another host, a failed request.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from geo.services import demo
from geo.store import Store
from web import accounts

playwright = pytest.importorskip(
    "playwright.sync_api", reason="NO BROWSER TESTS: playwright missing"
)

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OUTPUT = Path(__file__).parents[1] / "output" / "screenshots"
SIZES = {"desk": (1366, 820), "phone": (390, 844)}
STARTS_WITHIN_S = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all of this loudly where there is no Chromium."""
    if not Path(CHROMIUM).exists():
        missing = pytest.mark.skip(reason="NO BROWSER TESTS: Debian's chromium is not installed")
        for item in items:
            if "browser" in item.path.parts:
                item.add_marker(missing)


@dataclass(frozen=True)
class Site:
    """A running server: its address and the passwords of its accounts."""

    address: str
    passwords: dict[str, str]
    folder: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _served(folder: Path) -> Iterator[str]:
    """The address of `wangge serve` over a data folder, as a process of its own."""
    port = _free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANGGE_")}
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "serve", "--data", str(folder), "--port", str(port)],
        env=environment,
        stdout=log,
        stderr=log,
        cwd=Path(__file__).parents[2],
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                urllib.request.urlopen(f"{address}/login", timeout=2).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    said = (folder / "server.log").read_text()
                    pytest.fail(f"the server did not start:\n{said}")
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


@pytest.fixture(scope="session")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo town, served."""
    folder = tmp_path_factory.mktemp("demo")
    with Store.open(folder / "wangge.db") as store:
        demo.build(store, folder=folder, now=datetime.now(UTC), on_step=lambda *_step: None)
        passwords = {
            role: accounts.create_account(store, role, role)
            for role in ("admin", "planner", "viewer")
        }
    for address in _served(folder):
        yield Site(address, passwords, folder)


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A town with nothing in it yet, served."""
    folder = tmp_path_factory.mktemp("empty")
    with Store.open(folder / "wangge.db") as store:
        passwords = {"admin": accounts.create_account(store, "admin", "admin")}
    for address in _served(folder):
        yield Site(address, passwords, folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@dataclass
class Watched:
    """A page and all that it did wrong."""

    page: playwright.Page
    address: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note every console error, exception, outside request and failed answer."""
        host = urlsplit(self.address).netloc
        self.page.on(
            "console",
            lambda message: (
                self.faults.append(f"console: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("request", lambda request: self._request(request.url, host))
        self.page.on(
            "response",
            lambda answer: (
                self.faults.append(f"{answer.status}: {answer.url}")
                if answer.status >= 400
                else None
            ),
        )

    def _request(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != host:
            self.faults.append(f"outside request: {url}")

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.address}/login")
        self.page.fill("input[name=username], input[name=name]", name)
        self.page.fill("input[type=password]", password)
        self.page.click("form button[type=submit]")
        self.page.wait_for_load_state("networkidle")
        assert "/login" not in self.page.url, self.page.inner_text("body")

    def open(self, path: str, *, is_map: bool = False) -> None:
        self.page.goto(f"{self.address}{path}")
        if is_map:
            self.page.wait_for_selector("html[data-map-ready=true]", timeout=20_000)
        self.page.wait_for_load_state("networkidle")

    def keep(self, name: str) -> None:
        """Keep a screenshot among the tests' output."""
        OUTPUT.mkdir(parents=True, exist_ok=True)
        plain = re.sub(r"[^\w-]+", "-", name)
        self.page.screenshot(path=OUTPUT / f"{plain}.png")


Open = Callable[..., Watched]


@pytest.fixture(scope="session")
def sessions() -> dict[tuple[str, str], list[object]]:
    """Cookies by site and role: who signed in once needs not again, and meets no limit."""
    return {}


@pytest.fixture
def visit(
    browser: playwright.Browser, sessions: dict[tuple[str, str], list[object]]
) -> Iterator[Open]:
    """Open a watched page on a site, signed in; at the end it must have done nothing wrong."""
    contexts, watched = [], []

    def start(site: Site, role: str, *, language: str = "zh-CN", size: str = "desk") -> Watched:
        width, height = SIZES[size]
        context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            has_touch=size == "phone",
            timezone_id="Asia/Shanghai",
        )
        contexts.append(context)
        page = Watched(context.new_page(), site.address)
        watched.append(page)
        page.watch()
        known = sessions.get((site.address, role))
        if known is None:
            page.sign_in(role, site.passwords[role])
            cookies = context.cookies()
            sessions[site.address, role] = [c for c in cookies if "language" not in c["name"]]
        else:
            context.add_cookies(known)
            page.open("/")
        return page

    yield start
    for context in contexts:
        context.close()
    assert [fault for page in watched for fault in page.faults] == []
