"""Both backends for the store's tests: an SQLite file, and a private PostgreSQL cluster.

The cluster lives in a temporary folder, listens on a socket there and nowhere else, and runs as
an unprivileged user, since the server refuses to run as root.
"""

from __future__ import annotations

import getpass
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from geo.store import Store

TOWN_CRS = "EPSG:4551"
"""CGCS2000, 3-degree zone at 126 E, x east and y north in metres."""

_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB"


def _server_programs() -> Path | None:
    """The folder of initdb and postgres, the newest where there are several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Cluster:
    """A running private cluster; `url(name)` makes a database from the migrated template."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self._programs = programs
        self.user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        self._numbers = itertools.count()
        if os.geteuid() == 0:
            account = pwd.getpwnam(self.user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", "data", "-U", self.user, "-A", "trust", "-E", "UTF8", "-N")
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [programs / "postgres", "-D", "data", "-k", str(folder), "-h", "", *_FAST.split()],
            stdout=log,
            stderr=log,
            **self._as_user(),
        )
        log.close()
        self.admin = sa.create_engine(
            self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._wait()

    def _as_user(self) -> dict[str, object]:
        options: dict[str, object] = {"cwd": self.folder}
        if os.geteuid() == 0:
            account = pwd.getpwnam(self.user)
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return options

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, **self._as_user())

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.admin.connect().close()
                return
            except sa.exc.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://{self.user}@/{database}?host={self.folder}"

    def empty(self) -> str:
        """URL of a new database without tables, with PostGIS."""
        return self._create("postgis_template")

    def migrated(self) -> str:
        """URL of a new database with the store's tables."""
        return self._create("wangge_template")

    def bare_for_a_plain_user(self) -> tuple[str, str]:
        """URL and name of a new database without PostGIS, as a user who may not add it."""
        address = self._create("template0")
        name = str(sa.make_url(address).database)
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE ROLE plain_{name} LOGIN")
        return address.replace(f"{self.user}@", f"plain_{name}@"), name

    def _create(self, template: str) -> str:
        name = f"t{next(self._numbers)}"
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name).replace("+psycopg", "")

    def drop(self, address: str) -> None:
        """Nothing; drops a database at once: files long on the disk are slow to remove."""
        with self.admin.connect() as connection:
            name = sa.make_url(address).database
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def make_templates(self) -> None:
        """Nothing; makes the templates that databases are copied from."""
        with self.admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE postgis_template")
        engine = sa.create_engine(self._url("postgis_template"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE EXTENSION postgis")
        with self.admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE wangge_template TEMPLATE postgis_template")
        with Store.open(self._url("wangge_template")) as store:
            store.set_crs(TOWN_CRS)

    def stop(self) -> None:
        """Nothing; stops the server at once: its data are thrown away."""
        self.admin.dispose()
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A private PostGIS for the session; what needs it is skipped, loudly, where it cannot run."""
    programs = _server_programs()
    if programs is None:
        pytest.skip(
            "NO POSTGRESQL: the store was NOT tested on PostGIS; install postgresql-postgis"
        )
    pytest.importorskip("geoalchemy2", reason="NO GEOALCHEMY2: install wangge[postgis]")
    pytest.importorskip("psycopg", reason="NO PSYCOPG: install wangge[postgis]")
    folder = Path(tempfile.mkdtemp(prefix="wangge-pg-"))
    try:
        running = Cluster(programs, folder)
        try:
            running.make_templates()
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session", params=["sqlite", "postgis"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend's name in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_store(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """A function that gives the address of another empty store; its tables and CRS are there."""
    if backend == "postgis":
        running: Cluster = request.getfixturevalue("cluster")
        return running.migrated
    folder = tmp_path_factory.mktemp("stores")
    template = folder / "template.sqlite"
    with Store.open(template) as store:
        store.set_crs(TOWN_CRS)
    numbers = itertools.count()
    return lambda: str(shutil.copyfile(template, folder / f"town{next(numbers)}.sqlite"))


@pytest.fixture(scope="session")
def shared_store(new_store: Callable[[], str]) -> Iterator[Store]:
    """One open store for the session; tests take it as `store`, emptied."""
    with Store.open(new_store()) as opened:
        yield opened


@pytest.fixture
def store(shared_store: Store) -> Store:
    """An empty store whose town CRS is set."""
    tables = shared_store.backend.tables
    with shared_store.engine.begin() as connection:
        written = connection.scalars(sa.select(tables.revisions.c.layer)).all()
    for name in written:
        shared_store.delete(name, where={})
    with shared_store.backend.writing() as connection:
        connection.execute(sa.delete(tables.revisions))
        connection.execute(sa.delete(tables.settings).where(tables.settings.c.name != "crs"))
    return shared_store


@pytest.fixture
def address(
    backend: str, new_store: Callable[[], str], request: pytest.FixtureRequest
) -> Iterator[str]:
    """Address of a store of one's own."""
    running: Cluster | None = None
    if backend == "postgis":
        running = request.getfixturevalue("cluster")
    made = new_store()
    yield made
    if running is not None:
        running.drop(made)


@pytest.fixture
def empty_address(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without tables."""
    if backend == "sqlite":
        yield str(tmp_path / "empty.sqlite")
        return
    running: Cluster = request.getfixturevalue("cluster")
    made = running.empty()
    yield made
    running.drop(made)
