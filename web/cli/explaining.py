"""Commands on any plan: evaluate, explain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from geo.planning import explain as planning_explain
from geo.planning import metrics
from geo.planning.checks import Finding
from geo.planning.reading import read_labels, read_loads, repeated_keys
from web import explained
from web.cli import frames, judging, output
from web.cli.ground import cells_of
from web.config import LANGUAGES


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, required=True)
@click.option("--load", "load_column", default="households", show_default=True)
@click.option("--plan", "plan_column", required=True, help="Column with each cell's grid.")
@click.option("--target", type=float, help="Wanted load; the mean where omitted.")
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--keep-whole", help="Column of the unit to keep in one grid.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the figures of each grid, such as grids.csv.",
)
@output.json_option
def evaluate(
    cells_file: Path,
    load_column: str,
    plan_column: str,
    target: float | None,
    within: str | None,
    keep_whole: str | None,
    barriers: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """The figures of any plan."""
    begun = time.perf_counter()
    columns = {"--load": load_column, "--plan": plan_column}
    found_cells, adjacency = cells_of(
        cells_file,
        barriers,
        within=within or "community",
        **{**columns, "--within": within, "--keep-whole": keep_whole},
    )
    keys = found_cells["cell"]
    labels, names, findings = read_labels(found_cells[plan_column], keys)
    weight, odd_loads = read_loads(found_cells[load_column], keys)
    found_cells = found_cells.assign(**{load_column: weight})
    wanted = target if target is not None else float(weight[labels >= 0].sum()) / max(1, len(names))
    how = {"load": load_column, "target": wanted, "within": within}
    report = metrics.evaluate(found_cells, adjacency, labels, keep_whole=keep_whole, **how)
    if within is not None:
        areas = metrics.area_figures(found_cells, labels, **how)
        rows = areas.rename_axis("area").reset_index().to_dict("records")
        report["communities"] = [{k: None if pd.isna(v) else v for k, v in r.items()} for r in rows]
    if out is not None:
        figures = metrics.grid_figures(found_cells, adjacency, labels, keep_whole=keep_whole, **how)
        figures.insert(0, "grid", [names[label] for label in figures.index])
        frames.write_out(figures.reset_index(drop=True), out, name="figures", key=("grid",))
        report["out"] = out
    odd = findings + odd_loads + repeated_keys(keys)
    report["findings"] = [one.as_dict() for one in odd]
    report["target"] = wanted
    report["seconds"] = round(time.perf_counter() - begun, 3)
    judging.show_evaluation(report, as_json=as_json)


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, required=True)
@click.option("--load", "load_column", default="households", show_default=True)
@click.option("--plan", "plan_column", required=True, help="Column with each cell's grid.")
@click.option("--before", "before_column", help="Column of the old plan: explains what moved.")
@click.option("--target", type=float, help="Wanted load; the mean where omitted.")
@click.option("--tolerance", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--keep-whole", help="Column of the unit to keep in one grid.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the sentences.")
@frames.out_option
@output.json_option
def explain(
    cells_file: Path,
    load_column: str,
    plan_column: str,
    before_column: str | None,
    target: float | None,
    tolerance: float,
    within: str | None,
    keep_whole: str | None,
    barriers: Path | None,
    lang: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Why each border of a plan runs where it does or, with --before, what each move bought."""
    begun = time.perf_counter()
    columns = {"--load": load_column, "--plan": plan_column, "--before": before_column}
    found_cells, adjacency = cells_of(
        cells_file,
        barriers,
        within=within or "community",
        **{**columns, "--within": within, "--keep-whole": keep_whole},
    )
    keys = found_cells["cell"]
    weight, odd_loads = read_loads(found_cells[load_column], keys)
    found_cells = found_cells.assign(**{load_column: weight})
    plans = [found_cells[name] for name in (before_column, plan_column) if name is not None]
    labels, names, findings = _same_labels(plans, keys)
    used = labels[-1][labels[-1] >= 0]
    wanted = target
    if wanted is None:
        wanted = float(weight[labels[-1] >= 0].sum()) / max(1, len(np.unique(used)))
    how: dict[str, Any] = {"load": load_column, "target": wanted, "tolerance": tolerance}
    how |= {"within": within, "keep_whole": keep_whole}
    words = explained.Words(
        lang or output.language(), names, keys.astype(str).tolist(), load_column, tolerance
    )
    if before_column is None:
        rows = planning_explain.explain_borders(found_cells, adjacency, labels[-1], **how)
        table = _border_table(rows, words)
    else:
        rows = planning_explain.explain_moves(found_cells, adjacency, *labels, **how)
        table = _move_table(rows, words)
    frames.write_out(table, out, name="explained", key=())
    report = {
        "rows": len(rows),
        "reasons": {str(name): int(n) for name, n in rows["reason"].value_counts().items()},
        "target": wanted,
        "findings": [one.as_dict() for one in findings + odd_loads + repeated_keys(keys)],
        "seconds": round(time.perf_counter() - begun, 3),
        "out": out,
    }
    judging.show_evaluation(report, as_json=as_json)


def _same_labels(
    plans: list[pd.Series], keys: pd.Series
) -> tuple[list[np.ndarray], list[str], list[Finding]]:
    """The grids of several plans as numbers that mean the same code in each, and the codes."""
    read = [read_labels(plan, keys) for plan in plans]
    names = sorted({name for _, codes, _ in read for name in codes})
    place = {name: number for number, name in enumerate(names)}
    labels = [
        np.array([*(place[code] for code in codes), -1], dtype=np.int64)[own]
        for own, codes, _ in read
    ]
    return labels, names, [found for _, _, findings in read for found in findings]


def _border_table(rows: pd.DataFrame, words: explained.Words) -> pd.DataFrame:
    """One line a border, in codes and keys, with its sentence."""
    table = rows.copy()
    table["text"] = [explained.border_text(words, row) for row in rows.to_dict("records")]
    for column in ("one", "other", "origin", "to"):
        table[column] = [words.grid(label) for label in rows[column]]
    for column in ("cell", "back_cell"):
        table[column] = [words.cells[cell] if cell >= 0 else None for cell in rows[column]]
    table["barrier_shares"] = [json.dumps(shares) for shares in rows["barrier_shares"]]
    return _plain(table)


def _move_table(rows: pd.DataFrame, words: explained.Words) -> pd.DataFrame:
    """One line a group of cells that moved, in codes and keys, with its sentence."""
    table = rows.copy()
    table["text"] = [explained.move_text(words, row) for row in rows.to_dict("records")]
    for column in ("origin", "to"):
        table[column] = [words.grid(label) for label in rows[column]]
    table["cells"] = [";".join(words.cells[cell] for cell in cells) for cells in rows["cells"]]
    return _plain(table)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    table["reasons"] = [";".join(reasons) for reasons in table["reasons"]]
    for column in ("is_contiguous", "back_is_contiguous", "stays_contiguous"):
        if column in table.columns:
            table[column] = table[column].astype("boolean")
    return table
