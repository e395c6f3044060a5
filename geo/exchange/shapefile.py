"""What a shapefile cannot hold, bent so that it can, and the list of what was bent."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

NAME_CHARACTERS = 10
TEXT_BYTES = 254
"""Limits of dBase III, the table inside a shapefile."""


@dataclass(frozen=True)
class Fitted:
    """A frame that fits into a shapefile.

    `fields` has columns `field` (name in the shapefile), `column` (ours) and `n_cut` (texts that
    were cut to 254 bytes of UTF-8).
    """

    frame: pd.DataFrame
    fields: pd.DataFrame


def fit_shapefile(frame: pd.DataFrame, *, columns: list[str]) -> Fitted:
    """The frame with those columns renamed to at most 10 characters, and long texts cut."""
    fields = field_names(columns)
    fitted, cuts = frame.copy(), []
    for name in columns:
        is_long = np.zeros(len(frame), dtype=bool)
        if pd.api.types.is_string_dtype(frame[name]) and frame[name].dtype != object:
            texts = frame[name].astype("object")
            is_long = np.array([isinstance(t, str) and _n_bytes(t) > TEXT_BYTES for t in texts])
        if is_long.any():
            shorter = [_cut(t) if cut else t for t, cut in zip(texts, is_long, strict=True)]
            fitted[name] = pd.Series(shorter, index=frame.index, dtype="str")
        cuts.append(int(is_long.sum()))
    listed = pd.DataFrame({"field": [fields[n] for n in columns], "column": columns, "n_cut": cuts})
    return Fitted(fitted.rename(columns=fields), listed)


def field_names(columns: list[str]) -> dict[str, str]:
    """Column -> field name: at most 10 ASCII characters, unique whatever the case.

    The first 10 characters, as every reader of shapefiles expects. Where these are equal, the
    words are shortened evenly instead (`effective_from` and `effective_to` -> `effec_from` and
    `effecti_to`), and a number tells apart what is equal even then.
    """
    plain = {name: re.sub(r"\W", "_", name, flags=re.ASCII) or "field" for name in columns}
    cuts = Counter(name[:NAME_CHARACTERS].lower() for name in plain.values())
    taken: set[str] = set()
    fields: dict[str, str] = {}
    for column in sorted(columns, key=lambda column: len(plain[column]) > NAME_CHARACTERS):
        name = plain[column]
        is_alone = cuts[name[:NAME_CHARACTERS].lower()] == 1
        stem = name[:NAME_CHARACTERS] if is_alone else _shorten(name)
        field, number = stem, 1
        while field.lower() in taken:
            number += 1
            field = f"{stem[: NAME_CHARACTERS - len(str(number))]}{number}"
        taken.add(field.lower())
        fields[column] = field
    return fields


def _shorten(name: str) -> str:
    """The name with letters taken from the end of its longest word until it fits."""
    words = name.split("_")
    while len("_".join(words)) > NAME_CHARACTERS and max(map(len, words)) > 2:
        longest = max(range(len(words)), key=lambda at: len(words[at]))
        words[longest] = words[longest][:-1]
    return "_".join(words)[:NAME_CHARACTERS]


def _n_bytes(text: str) -> int:
    return len(text.encode("utf-8"))


def _cut(text: str) -> str:
    """The first 254 bytes of the text, no character halved."""
    return text.encode("utf-8")[:TEXT_BYTES].decode("utf-8", errors="ignore")
