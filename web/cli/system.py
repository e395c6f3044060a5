"""Commands that start, fill and keep an installation."""

from __future__ import annotations

import socket
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import click

from geo import store as geo_store
from geo.errors import ParameterError
from geo.services import clock, incidents, recordings, warming
from geo.services import demo as demo_service
from web import access, accounts
from web.app import create_app
from web.cli import output
from web.cli.town import data_option, opened
from web.config import Settings
from web.serving import run

host_option = click.option("--host", default="127.0.0.1", show_default=True)
port_option = click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)

DEMO_ROLES = ("admin", "planner", "supervisor", "dispatcher", "viewer")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="A fresh folder.")
@click.option("--no-serve", is_flag=True, help="Only build the town.")
@host_option
@port_option
@output.json_option
def demo(data: Path | None, no_serve: bool, host: str, port: int, as_json: bool) -> None:
    """Make the made-up demo town: planned, with incidents, hotspots and patrols; then serve it."""
    folder = data or Path(tempfile.mkdtemp(prefix="wangge-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise ParameterError(
            "demo.folder_not_empty",
            f"the demo needs a fresh folder; {folder} is not empty. Name another with --data.",
            folder=str(folder),
        )
    if not no_serve:
        _check_port(host, port)
    serving: list[threading.Thread] = []
    with opened(folder) as (store, settings):
        output.say("demo.made_up")
        names = {role: accounts.create_account(store, role, role) for role in DEMO_ROLES}

        def on_planned() -> None:
            workers = store.read("roster", where={"role": "grid_worker"}, columns=["person"])
            person = str(workers["person"].iloc[0])
            names["worker"] = accounts.create_account(store, "worker", "worker", person=person)
            _print_accounts(names)
            if not no_serve:
                serving.append(threading.Thread(target=_serve, args=(settings, host, port)))
                serving[0].daemon = True
                serving[0].start()

        report = demo_service.build(
            store, folder=folder, now=datetime.now(UTC), on_step=_print_step, on_planned=on_planned
        )
    if as_json:
        output.show({**report, "data": folder}, as_json=True)
    for thread in serving:
        output.say("demo.ready")
        thread.join()


def _print_accounts(passwords: dict[str, str]) -> None:
    output.say("demo.accounts")
    for name, password in passwords.items():
        click.echo(f"  {name}  {password}", err=True)


@click.command()
@data_option
@host_option
@port_option
def serve(data: Path | None, host: str, port: int) -> None:
    """Serve the maps of a data folder."""
    _check_port(host, port)
    with opened(data) as (store, settings):
        # a plan may have come into force since the last start
        today = clock.local_day(store, datetime.now(UTC))
        incidents.attribute_open(store, on=today)
        recordings.forget_old(store, today=today)
    warming.start(warming.compile_judging)  # so that the first map is not kept waiting
    _serve(settings, host, port)


def _check_port(host: str, port: int) -> None:
    """Raise when another program answers at that address already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ParameterError(
                "serve.port_taken",
                f"port {port} of {host} must be free; {error}. Name another with --port.",
                port=port,
            ) from error


def _serve(settings: Settings, host: str, port: int) -> None:
    app = create_app(settings)
    output.say("serve.address", address=f"http://{host}:{port}/")
    run(app, host=host, port=port)


def _print_step(step: str, counts: dict[str, int], seconds: float) -> None:
    counted = "  ".join(f"{name} {value:,}" for name, value in counts.items())
    click.echo(f"{step:<14} {seconds:>7.2f} s  {counted}", err=True)


@click.group()
def account() -> None:
    """Accounts of people who sign in."""


@account.command(name="add")
@click.argument("name")
@click.option("--role", type=click.Choice(sorted(access.ROLES)), required=True)
@click.option("--person", help="Code of the person in the roster, for a worker.")
@data_option
@output.json_option
def account_add(name: str, role: str, person: str | None, data: Path | None, as_json: bool) -> None:
    """Add an account; its password is made and shown once."""
    with opened(data) as (store, _settings):
        password = accounts.create_account(store, name, role, person=person)
    output.show({"name": name, "role": role, "password": password}, as_json=as_json)


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@output.json_option
def backup(out: Path, data: Path | None, as_json: bool) -> None:
    """Write all data into one file, OUT."""
    with opened(data) as (store, _settings):
        size = geo_store.backup(store, out)
    output.show({"out": out, "bytes": size}, as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace the data that is there.")
@data_option
@output.json_option
def restore(file: Path, replace: bool, data: Path | None, as_json: bool) -> None:
    """Put the data of a backup FILE back into a data folder."""
    settings = Settings.from_env(data_dir=data)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    geo_store.restore(file, settings.store_location, replace=replace)
    output.show({"restored": file, "data": settings.data_dir}, as_json=as_json)


@click.command()
@data_option
@output.json_option
def check(data: Path | None, as_json: bool) -> None:
    """Verify the stored data; exit status 1 when something is wrong."""
    with opened(data) as (store, _settings):
        findings = geo_store.check(store)
    output.show({"findings": [vars(finding) for finding in findings]}, as_json=as_json)
    if findings:
        raise SystemExit(1)
