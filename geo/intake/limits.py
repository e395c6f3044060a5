"""How much of a file we are willing to take in, and the checks that need no look inside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geo.errors import InputError, NotFoundError

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Caps of one import. The defaults fit a district's data on an office computer."""

    max_file_bytes: int = 1024 * MIB
    max_unpacked_bytes: int = 2048 * MIB
    max_pack_ratio: float = 200.0
    max_pack_members: int = 1000
    max_rows: int = 5_000_000
    max_columns: int = 500
    max_vertices: int = 100_000_000
    max_feature_vertices: int = 500_000
    max_feature_parts: int = 500
    timeout_s: float = 180.0
    memory_bytes: int = 6 * 1024 * MIB


def check_file(path: Path, limits: Limits) -> None:
    """Nothing, when the path names a plain file of acceptable size.

    Raises
    ------
    NotFoundError : there is no such plain file
    InputError : it is empty, or larger than the limit
    """
    if not path.is_file():
        raise NotFoundError(
            "file.not_found",
            f"the file must exist; found nothing at {path.name!r}. Check its name.",
            file=path.name,
        )
    size = path.stat().st_size
    if size == 0:
        raise InputError(
            "file.empty",
            f"the file must hold rows; {path.name!r} has 0 bytes. Export it again.",
            file=path.name,
        )
    if size > limits.max_file_bytes:
        raise InputError(
            "file.too_large",
            f"the file must have at most {limits.max_file_bytes} bytes; {path.name!r} has {size}. "
            "Split it.",
            file=path.name,
            size_mb=round(size / MIB),
            limit_mb=round(limits.max_file_bytes / MIB),
        )
