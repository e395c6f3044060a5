"""Apps over an empty and a small town, and clients of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.context import CryptContext

from geo.store import Store
from tests.web.town import fill, settings_for, sign_in, with_accounts
from web import accounts
from web.app import create_app


@pytest.fixture(scope="session", autouse=True)
def quick_hashing() -> Iterator[None]:
    """Argon2 at its least cost, so that tests don't wait for what makes passwords safe."""
    kept = accounts.HASHING
    accounts.HASHING = CryptContext(
        schemes=["argon2"], argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1
    )
    yield
    accounts.HASHING = kept


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Flask]:
    """An app over a store with nothing in it but accounts."""
    app = create_app(settings_for(tmp_path))
    with_accounts(app)
    yield app
    app.extensions["wangge.store"].close()


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small town and an account for each role."""
    folder = tmp_path_factory.mktemp("town")
    app = create_app(settings_for(folder))
    fill(app.extensions["wangge.store"])
    with_accounts(app)
    app.extensions["wangge.store"].close()
    return folder


@pytest.fixture(scope="session")
def town_app(filled_folder: Path) -> Iterator[Flask]:
    """One app over the small town, for tests that change nothing."""
    app = create_app(settings_for(filled_folder))
    yield app
    app.extensions["wangge.store"].close()


@pytest.fixture(scope="session")
def reader_of(town_app: Flask) -> Callable[[str], FlaskClient]:
    """A signed-in client of a role, for tests that change nothing; one per role."""
    clients: dict[str, FlaskClient] = {}

    def reader(role: str) -> FlaskClient:
        if role not in clients:
            clients[role] = sign_in(town_app, role)
        return clients[role]

    return reader


@pytest.fixture
def app(filled_folder: Path, tmp_path: Path) -> Iterator[Flask]:
    """An app over a copy of the small town."""
    for file in filled_folder.glob("wangge.db*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    app = create_app(settings_for(tmp_path))
    # looks kept for readers of the shared app are not this test's
    app.extensions["wangge.store"].delete("looks", where={})
    yield app
    app.extensions["wangge.store"].close()


@pytest.fixture
def store(app: Flask) -> Store:
    return app.extensions["wangge.store"]  # type: ignore[no-any-return]


@pytest.fixture
def client_of(app: Flask) -> Callable[[str], FlaskClient]:
    """Makes a signed-in client of a role."""
    return lambda role: sign_in(app, role)


@pytest.fixture
def token_of(app: Flask) -> Callable[[str], dict[str, str]]:
    """Makes the header of a token of a role."""

    def header(role: str) -> dict[str, str]:
        made = accounts.create_token(
            app.extensions["wangge.store"], f"test {role}", role, created_by="test"
        )
        return {"Authorization": f"Bearer {made}"}

    return header
