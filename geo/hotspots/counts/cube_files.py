"""Files of counts: arrays and their lattice, written whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from geo.errors import InputError
from geo.hotspots.counts.lattice import Lattice

VERSION = 1
"""Layout of a file of counts."""

NAMES = ("categories", "code", "cell", "day", "count", "left_out")
_LATTICE_NAMES = ("corner", "ground_share", "crs")

Array = npt.NDArray[Any]


def write_counts(path: Path, lattice: Lattice, arrays: Mapping[str, Array]) -> None:
    """Write the arrays `NAMES` and the lattice; an older file stays until the new one is whole."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as out:
        np.savez(
            out,
            allow_pickle=False,
            version=np.array(VERSION),
            corner=np.array([lattice.west_m, lattice.north_m, lattice.cell_size_m]),
            ground_share=lattice.ground_share,
            crs=np.array(pyproj.CRS.from_user_input(lattice.crs).to_wkt()),
            **{name: arrays[name] for name in NAMES},
        )
    part.replace(path)


def read_counts(path: Path) -> tuple[Lattice, dict[str, Array]]:
    """The lattice and the arrays `NAMES` of a file.

    Raises
    ------
    InputError : the file is none of this version
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as broken:
        raise _unreadable(path, "broken") from broken
    version = str(found.get("version", "none"))
    if version != str(VERSION) or not {*NAMES, *_LATTICE_NAMES} <= found.keys():
        raise _unreadable(path, version)
    west_m, north_m, side = found["corner"].tolist()
    crs = pyproj.CRS.from_wkt(str(found["crs"]))
    lattice = Lattice(west_m, north_m, side, found["ground_share"], crs)
    return lattice, {name: found[name] for name in NAMES}


def _unreadable(path: Path, version: str) -> InputError:
    return InputError(
        "hotspots.cube_unreadable",
        f"{path} must be a file of counts of version {VERSION}; found {version}. Count anew.",
        version=version,
    )
