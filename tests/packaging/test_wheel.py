"""The wheel, built here with the browser files that already lie there: no network."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from web.maps import fetch_assets

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_wheel_holds_every_browser_file(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    vendor = fetch_assets.VENDOR
    lying_there = {
        f"web/static/vendor/{path.relative_to(vendor).as_posix()}"
        for path in vendor.rglob("*")
        if path.is_file()
    }
    assert "web/static/vendor/leaflet/leaflet.js" in lying_there
    assert "web/static/vendor/fonts/NotoSansSC_400Regular.ttf" in lying_there
    assert lying_there <= names


def test_wheel_holds_every_file_that_git_follows(wheel: zipfile.ZipFile) -> None:
    run = subprocess.run(
        ["git", "ls-files", "geo", "web", "boundaries"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        pytest.skip(f"git cannot list the files here: {run.stderr.strip()}")
    followed = {name for name in run.stdout.splitlines() if (ROOT / name).is_file()}
    left_out = {"web/maps/fetch_assets.py"}
    assert followed - set(wheel.namelist()) == left_out


def test_wheel_holds_no_node_no_tests_and_no_cache(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"geo", "web", "boundaries", f"wangge-{VERSION}.dist-info"}
    for name in wheel.namelist():
        assert not any(part in name for part in ("node_modules", "nodejs", "__pycache__")), name


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"wangge-{VERSION}.dist-info/entry_points.txt").decode("utf-8")
    assert entry_points.split() == ["[console_scripts]", "wangge", "=", "web.cli:main"]
