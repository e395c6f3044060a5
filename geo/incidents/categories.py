"""The catalogue of case classes: code, kind, names and limit."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from geo.errors import SchemaError

DEFAULT_CATALOGUE = Path(__file__).with_name("categories.toml")

CATEGORY_COLUMNS = {
    "category": "str",
    "kind": "str",
    "major": "str",
    "major_zh": "str",
    "major_en": "str",
    "name_zh": "str",
    "name_en": "str",
    "limit_hours": "float64",
}
"""Column -> dtype of the catalogue; `limit_hours` is clock time."""

KINDS = ("component", "event")


def load_categories(path: Path = DEFAULT_CATALOGUE) -> pd.DataFrame:
    """One row a category, in the order of the codes, with the columns of `CATEGORY_COLUMNS`.

    Parameters
    ----------
    path : TOML with the tables `majors.<kind>.<code>` and `categories.<code>`

    Raises
    ------
    SchemaError : a category is of no known kind or major class, or lacks a name or limit
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    majors: dict[str, dict[str, dict[str, str]]] = document["majors"]
    rows = [_row(code, entry, majors) for code, entry in sorted(document["categories"].items())]
    catalogue: pd.DataFrame = pd.DataFrame(rows, columns=list(CATEGORY_COLUMNS))
    return catalogue.astype(CATEGORY_COLUMNS)


def _row(
    code: str, entry: dict[str, Any], majors: dict[str, dict[str, dict[str, str]]]
) -> dict[str, Any]:
    kind, major = str(entry.get("kind")), code[:2]
    is_known = kind in KINDS and major in majors.get(kind, {})
    is_whole = all(entry.get(name) for name in ("zh", "en")) and entry.get("limit_hours", 0) > 0
    if not (is_known and is_whole and len(code) == 4 and code.isdecimal()):
        raise SchemaError(
            "categories.bad_entry",
            "a category must have a four-digit code of a known major class, a kind, two names and "
            f"a limit above 0 hours; got {code} = {entry}. Mend that line of the catalogue.",
            category=code,
        )
    return {
        "category": code,
        "kind": kind,
        "major": major,
        "major_zh": majors[kind][major]["zh"],
        "major_en": majors[kind][major]["en"],
        "name_zh": entry["zh"],
        "name_en": entry["en"],
        "limit_hours": entry["limit_hours"],
    }
