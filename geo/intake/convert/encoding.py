"""In which encoding a shapefile's attributes are, judged by the bytes, not by the label."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from .refused import Refused

SAMPLE_BYTES = 8 * 1024 * 1024

_UTF8 = {"utf-8", "utf8", "65001"}
_CHINESE = ("gb", "936", "cp936", "ansi 936", "54936")


def shapefile_encoding(path: Path, notes: list[dict[str, Any]]) -> str:
    """The encoding to read the .dbf with; a wrong or missing label is put in the notes.

    UTF-8 and GB18030 are tried on the records themselves, field by field, and the one with
    fewer undecodable fields wins; another label (such as ISO-8859-1) is believed.

    Raises
    ------
    Refused : the .dbf or .shx that belongs to the .shp is missing, or the .dbf is damaged
    """
    table = _sibling(path, ".dbf")
    _sibling(path, ".shx")
    label = _label(path)
    if label and label not in _UTF8 and not label.startswith(_CHINESE):
        return label
    values = _text_fields(table.read_bytes()[:SAMPLE_BYTES])
    faults = {name: _n_undecodable(values, name) for name in ("utf-8", "gb18030")}
    is_utf8 = faults["utf-8"] <= faults["gb18030"]
    chosen = "UTF-8" if is_utf8 else "GB18030"
    is_as_labelled = (label in _UTF8) == is_utf8 if label else all(map(bytes.isascii, values))
    if not is_as_labelled:
        notes.append({"code": "encoding.detected", "count": len(values), "encoding": chosen})
    return chosen


def _sibling(path: Path, suffix: str) -> Path:
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.is_file():
            return candidate
    raise Refused(
        "shapefile.incomplete",
        f"a shapefile must come with its {suffix} file; {path.name!r} has none. "
        "Give .shp, .shx, .dbf and .prj together, or zipped.",
        suffix=suffix,
    )


def _label(path: Path) -> str:
    for suffix in (".cpg", ".CPG"):
        label = path.with_suffix(suffix)
        if label.is_file():
            return label.read_bytes()[:64].decode("ascii", "replace").strip().lower()
    return ""


def _text_fields(data: bytes) -> list[bytes]:
    """Every character field of the sampled records, and the field names, as bytes."""
    if len(data) < 33:
        raise Refused(
            "shapefile.damaged",
            f"the .dbf must have a header of 33 bytes; it has {len(data)}. Export it again.",
        )
    header_length, record_length = struct.unpack("<HH", data[8:12])
    fields, offset = [], 1
    for start in range(32, min(header_length, len(data)) - 32, 32):
        if data[start] == 0x0D:
            break
        length = data[start + 16]
        if data[start + 11 : start + 12] == b"C":
            fields.append((offset, length))
        offset += length
    names = [
        data[start : start + 11].split(b"\0")[0]
        for start in range(32, min(header_length, len(data)) - 32, 32)
    ]
    if record_length == 0:
        return names
    values = [
        data[record + at : record + at + length].rstrip(b" \0")
        for record in range(header_length, len(data) - record_length + 1, record_length)
        for at, length in fields
    ]
    return names + values


def _n_undecodable(values: list[bytes], encoding: str) -> int:
    return sum(1 for value in values if not value.isascii() and not _decodes(value, encoding))


def _decodes(value: bytes, encoding: str) -> bool:
    """Whether it decodes, a last character cut by the field's width forgiven."""
    for cut in range(3):
        try:
            value[: len(value) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False
