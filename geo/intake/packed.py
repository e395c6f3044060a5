"""What lies inside a zip: unpacked with every cap checked on the bytes, never on the headers."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from geo.errors import InputError
from geo.intake.limits import MIB, Limits
from geo.intake.sniff import sniff

_CHUNK = 1 * MIB
_RATIO_FREE_BYTES = 16 * MIB
"""Up to this size a member may be packed as tightly as it likes; a sparse .dbf often is."""

_SHAPEFILE_PARTS = {".shp", ".shx", ".dbf", ".prj", ".cpg"}
_DATA_SUFFIXES = {
    ".geojson", ".json", ".gpkg", ".shp", ".kml", ".fgb", ".parquet", ".osm", ".pbf", ".csv",
    ".tsv", ".txt", ".gpx", ".xls",
}  # fmt: skip


@contextmanager
def unpacked(path: Path, limits: Limits) -> Iterator[tuple[Path, str]]:
    """The one data file of the zip and its format, in a temporary folder; a workbook as it is.

    Raises
    ------
    InputError : it is damaged, locked, a bomb, or holds no data file or several
    """
    try:
        with (
            zipfile.ZipFile(path) as pack,
            tempfile.TemporaryDirectory(prefix="wangge-pack-") as folder,
        ):
            members = _members(pack, path, limits)
            if any(member.filename == "xl/workbook.xml" for member in members):
                _check_sizes(pack, members, path, limits)
                yield path, "xlsx"
                return
            inner = _unpack(pack, members, Path(folder), path, limits)
            found = sniff(inner)
            if found == "zip":
                raise _refusal("pack.nested", path, "a zip must not hold another one")
            yield inner, found
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zipfile.LargeZipFile) as error:
        raise _refusal("pack.damaged", path, f"a zip must be sound ({error})") from error


def _members(pack: zipfile.ZipFile, path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    members = [member for member in pack.infolist() if not member.is_dir()]
    if len(members) > limits.max_pack_members:
        raise _refusal(
            "pack.too_many_files",
            path,
            f"a zip may hold {limits.max_pack_members} files, not {len(members)}",
            count=len(members),
            limit=limits.max_pack_members,
        )
    if any(member.flag_bits & 1 for member in members):
        raise _refusal("pack.locked", path, "a zip must not ask for a password")
    plain = [m for m in members if not stat.S_ISLNK(m.external_attr >> 16)]
    return [m for m in plain if not m.filename.startswith("__MACOSX/")]


def _unpack(
    pack: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    folder: Path,
    path: Path,
    limits: Limits,
) -> Path:
    """The data file, written into the folder under a name of ours, its companions beside it."""
    data = [m for m in members if _suffix(m) in _DATA_SUFFIXES]
    shapes = [m for m in data if _suffix(m) == ".shp"]
    chosen = shapes if shapes else [m for m in data if _suffix(m) != ".txt"] or data
    if len(chosen) != 1:
        raise _refusal(
            "pack.not_one_file",
            path,
            f"a zip must hold one data file, not {len(chosen)}",
            count=len(chosen),
        )
    stem = PurePosixPath(chosen[0].filename).with_suffix("").as_posix().lower()
    wanted = [chosen[0]]
    if shapes:
        wanted = [
            m
            for m in members
            if _suffix(m) in _SHAPEFILE_PARTS
            and PurePosixPath(m.filename).with_suffix("").as_posix().lower() == stem
        ]
    left = limits.max_unpacked_bytes
    for member in wanted:
        out = folder / f"inner{_suffix(member)}"
        with out.open("wb") as stream:
            for chunk in _chunks(pack, member, path, limits, left):
                stream.write(chunk)
                left -= len(chunk)
    return folder / f"inner{_suffix(chosen[0])}"


def _check_sizes(
    pack: zipfile.ZipFile, members: list[zipfile.ZipInfo], path: Path, limits: Limits
) -> None:
    left = limits.max_unpacked_bytes
    for member in members:
        for chunk in _chunks(pack, member, path, limits, left):
            left -= len(chunk)


def _chunks(
    pack: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, limits: Limits, left: int
) -> Iterator[bytes]:
    """The member's bytes, stopped as soon as they are too many or too tightly packed."""
    n_bytes = 0
    most = max(_RATIO_FREE_BYTES, int(member.compress_size * limits.max_pack_ratio))
    with pack.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            n_bytes += len(chunk)
            if n_bytes > min(left, most):
                raise _refusal(
                    "pack.too_large",
                    path,
                    f"{member.filename!r} must unpack to at most {min(left, most)} bytes",
                    size_mb=n_bytes // MIB,
                    limit_mb=min(left, most) // MIB,
                )
            yield chunk


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _refusal(code: str, path: Path, fault: str, **params: int) -> InputError:
    return InputError(
        code, f"{fault}; {path.name!r}. Pack the one file that is meant.", file=path.name, **params
    )
