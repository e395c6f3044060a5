"""What a column and a layer are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "int", "float", "bool", "date", "time", "json"]
"""`date` is a local calendar day, `time` an instant kept in UTC, `json` a plain Python value."""

POLYGONAL = frozenset({"Polygon", "MultiPolygon"})
LINEAR = frozenset({"LineString", "MultiLineString"})
PUNCTUAL = frozenset({"Point"})


@dataclass(frozen=True)
class Column:
    """One column: its name, type, unit and the rules its values keep."""

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    required: bool = False
    personal: bool = False
    values: frozenset[str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 2000


@dataclass(frozen=True)
class Layer:
    """One kind of frame. `geometry` is empty for a plain table.

    `spatial_index` is off where rows are many and never asked for by box (track fixes).
    `importable` layers may come from files; the others are only written by the services.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    geometry: frozenset[str] = frozenset()
    spatial_index: bool = True
    importable: bool = False

    @property
    def is_spatial(self) -> bool:
        return bool(self.geometry)

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the layer has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"layer {self.name} has no column {name}")
