"""Borders and moves in words: the engine's reasons as sentences that stand before residents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from geo.planning.borders import ON_BARRIER_SHARE
from web import texts

MOST_CELLS = 3
"""A sentence about a move names so many of its cells."""


@dataclass(frozen=True)
class Words:
    """What the sentences call things: `grids` the grids' codes, `cells` the cells' keys, in order.

    `load` is the column that is balanced; `tolerance` what was allowed.
    """

    language: str
    grids: Sequence[str]
    cells: Sequence[str]
    load: str
    tolerance: float

    def grid(self, label: int) -> str:
        """The code of a label, a dash for none."""
        return self.grids[label] if label >= 0 else "—"

    def amount(self, load: float) -> str:
        """A load with its unit."""
        code = "households" if self.load == "households" else "load"
        return texts.text(self.language, f"explain.amount.{code}", n=f"{load:.6g}")

    def barrier(self, name: str) -> str:
        """What people call a barrier of that kind and class."""
        known = texts.load(self.language)
        for code in (name.replace("/", "_"), name.split("/", maxsplit=1)[0], "other"):
            if f"explain.barrier.{code}" in known:
                return known[f"explain.barrier.{code}"]
        raise KeyError("explain.barrier.other")


def border_text(words: Words, row: Mapping[str, Any]) -> str:
    """Why this border runs there.

    Parameters
    ----------
    row : of `geo.planning.explain.explain_borders`
    """
    reason = row["reason"]
    if reason == "barrier" and row["cell"] < 0:
        reason = "barrier_closed"
    if reason == "balance" and row["balanced"] != words.load:
        reason = "balance_other"
    said = {
        "one": words.grid(row["one"]),
        "other": words.grid(row["other"]),
        "length": f"{row['length_m']:.0f}",
        "barrier": words.barrier(row["barrier"]),
        "barrier_share": _share(row["barrier_share"]),
        "wall_share": _share(row["wall_share"]),
    }
    if row["cell"] >= 0:
        said |= {
            "cell": words.cells[row["cell"]],
            "origin": words.grid(row["origin"]),
            "to": words.grid(row["to"]),
            "amount": words.amount(row["load"]),
            "deviation_origin": percent(row["deviation_origin"]),
            "deviation_to": percent(row["deviation_to"]),
            "balanced": row["balanced"],
            "cost": f"{abs(row['cost']):.2g}",
        }
    said["tolerance"] = f"{100 * words.tolerance:g}%"
    sentences = [texts.text(words.language, f"explain.border.{reason}", **said)]
    if not reason.startswith("barrier") and row["barrier_share"] >= ON_BARRIER_SHARE:
        sentences.append(texts.text(words.language, "explain.border.also_barrier", **said))
    if reason not in ("compound", "community_line") and row["wall_share"] >= ON_BARRIER_SHARE:
        sentences.append(texts.text(words.language, "explain.border.also_wall", **said))
    return ("" if words.language == "zh" else " ").join(sentences)


def move_text(words: Words, row: Mapping[str, Any]) -> str:
    """What this move was for.

    Parameters
    ----------
    row : of `geo.planning.explain.explain_moves`
    """
    keys = [words.cells[cell] for cell in row["cells"][:MOST_CELLS]]
    code = "some" if row["n_cells"] > MOST_CELLS else "all"
    said = {
        "cells": texts.text(
            words.language, f"explain.cells.{code}", keys=keys, count=row["n_cells"]
        ),
        "amount": words.amount(row["load"]),
        "origin": words.grid(row["origin"]),
        "to": words.grid(row["to"]),
        "tolerance": f"{100 * words.tolerance:g}%",
        "gain": "—" if pd.isna(row["cost"]) else f"{abs(row['cost']):.2g}",
    }
    for side in ("origin", "to"):
        for when in ("_before", ""):
            name = f"deviation_{side}{when}"
            said[name] = "—" if pd.isna(row[name]) else percent(row[name])
    reason = row["reason"]
    if reason in ("balance", "chain") and row["balanced"] != words.load:
        reason = "balance_other"
    return texts.text(words.language, f"explain.move.{reason}", balanced=row["balanced"], **said)


def percent(share: float) -> str:
    """A deviation as people write it: +40%, -6.7%, 0%."""
    tenths = round(1000 * share)
    return f"{tenths / 10:+g}%" if tenths else "0%"


def _share(share: float) -> str:
    return f"{100 * share:.0f}%"
