"""What redrawing an old plan came to: moves, a bound on them, and what could not be met and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from geo.planning.attaching import Attached
from geo.planning.checks import Finding, named
from geo.planning.flow import exchange_of, least_flow
from geo.planning.graph import Graph
from geo.planning.redraw_problem import Problem

MOST_LOAD = 2_000_000
"""Above this load of a grid, which loads its cells can add up to is not listed."""

ROUNDING = 1e-9
"""Loads are compared to this share of the target."""


def least_moved(graph: Graph, home: np.ndarray, limits: np.ndarray) -> float:
    """The load that moves at least, whatever the shapes: a true bound.

    What a grid has above its upper limit must leave it, in whole cells; what it lacks must come
    from others or from cells without a grid. A cell that moves may serve both, so of both sums,
    part by part of the ground, the larger counts.

    Parameters
    ----------
    home : grid of each unit, 0 to k - 1, -1 for none
    limits : (k, 3) low, high, target
    """
    k, has_grid = len(limits), home >= 0
    held = np.bincount(home[has_grid], graph.load[has_grid], minlength=k)
    low, high, target = limits.T
    pairs = np.unique(np.stack([home, graph.part], axis=1)[has_grid], axis=0)
    is_split = np.bincount(pairs[:, 0], minlength=k) > 1
    part = np.zeros(k, dtype=np.int64)
    part_of_unit = np.zeros(graph.n_units, dtype=np.int64)
    if not is_split.any():
        part[pairs[:, 0]], part_of_unit = pairs[:, 1], graph.part
    n_parts = int(part_of_unit.max(initial=0)) + 1
    fits = np.bincount(part_of_unit, graph.load, minlength=n_parts) <= np.bincount(
        part, high, minlength=n_parts
    ) * (1 + ROUNDING)
    over = np.maximum(0.0, held - high)
    for grid in np.flatnonzero((over > ROUNDING * target) & fits[part]).tolist():
        over[grid] = _least_sum(graph.load[home == grid], float(over[grid]))
    over_sum = np.bincount(part, over, minlength=n_parts)
    surplus = np.bincount(part_of_unit, graph.load, minlength=n_parts)
    surplus -= np.bincount(part, high, minlength=n_parts)
    over_sum -= np.where(fits, 0.0, np.maximum(0.0, surplus))
    under_sum = np.bincount(part, np.maximum(0.0, low - held), minlength=n_parts)
    lacking = np.bincount(part, low, minlength=n_parts)
    lacking -= np.bincount(part_of_unit, graph.load, minlength=n_parts)
    under_sum -= np.maximum(0.0, lacking)
    free = np.bincount(part_of_unit[~has_grid], graph.load[~has_grid], minlength=n_parts)
    return float(np.maximum(0.0, np.maximum(over_sum, under_sum - free)).sum())


def _least_sum(loads: np.ndarray, least: float) -> float:
    """The smallest sum of some loads that reaches `least`; `least` itself where not listed."""
    whole = np.round(loads).astype(np.int64)
    if np.abs(loads - whole).max(initial=0.0) > 0 or whole.sum() > MOST_LOAD:
        return least
    sums = 1
    for load in whole.tolist():
        sums |= sums << load
    needed = int(np.ceil(least - 1e-6))
    above = sums >> needed
    return float(needed + (above & -above).bit_length() - 1) if above else least


def flow_guide(problem: Problem) -> float:
    """Load handed on between neighbours at least, were load a fluid: a guide, no bound."""
    exchange = exchange_of(problem.graph, problem.start, problem.limits, problem.is_open)
    flow, _ = least_flow(exchange)
    return float(flow.sum()) * problem.target


def moves_of(
    problem: Problem, labels: np.ndarray, keys: np.ndarray, codes: list[Any]
) -> list[dict[str, Any]]:
    """One row a cell in other hands: what would be lost if only it went back.

    `cell`, `from`, `to`, `load`; `excess_saved`: load outside the limits that it saves, in
    targets; `shape_saved`: what it adds to the sum of Polsby-Popper, below 0 where it costs shape.
    Both missing for cells that had no grid.
    """
    ground = problem.ground()
    plan = problem.plan(ground, labels)
    rows = []
    for unit in np.flatnonzero((labels != problem.home) & (labels >= 0)).tolist():
        home, to = int(problem.home[unit]), int(labels[unit])
        row: dict[str, Any] = {"cell": keys[unit], "from": None, "to": codes[to]}
        row |= {"load": float(ground.body[unit, 0]), "excess_saved": None, "shape_saved": None}
        if home >= 0:
            pair = plan.sums[[home, to], :3]
            edges = slice(ground.indptr[unit], ground.indptr[unit + 1])
            beside, border_m = labels[ground.indices[edges]], ground.length_m[edges]
            change = np.stack([ground.body[unit], -ground.body[unit]])
            change[0, 2] -= 2 * border_m[beside == home].sum()
            change[1, 2] += 2 * border_m[beside == to].sum()
            row["from"] = codes[home]
            row["excess_saved"] = _excess(problem, [home, to], pair + change) - _excess(
                problem, [home, to], pair
            )
            row["shape_saved"] = _shape(pair) - _shape(pair + change)
        rows.append(row)
    return rows


def _excess(problem: Problem, grids: list[int], sums: np.ndarray) -> float:
    low, high, target = problem.limits[grids].T
    outside = np.maximum(0.0, np.maximum(low - sums[:, 0], sums[:, 0] - high))
    return float((outside / target).sum())


def _shape(sums: np.ndarray) -> float:
    is_there = sums[:, 2] > 1e-9
    return float((4 * np.pi * sums[is_there, 1] / sums[is_there, 2] ** 2).sum())


def unmet(
    problem: Problem,
    attached: Attached,
    labels: np.ndarray,
    *,
    keys: np.ndarray,
    codes: list[Any],
    is_locked_grid: np.ndarray,
) -> list[Finding]:
    """What was mended on the way, and what could not be met and why, with keys.

    - `rebalance.attached`, `rebalance.stranded`: cells without a grid that got one, or that touch
      none in their area
    - `rebalance.torn`: cells apart from the main part of their grid, given to others
    - `rebalance.broken`: grids still in several pieces: locked, or nothing else is near
    - grids outside the tolerance, each under the first that holds: `rebalance.locked_grid`;
      `rebalance.locked_cells`: its locked cells alone are too much; `rebalance.heavy_cell`: one of
      its cells is; `rebalance.lonely_grid`: no neighbour to exchange with; `rebalance.mean`: the
      mean of its connected ground lies outside; `rebalance.outside`: no exchange was found
    """
    k = len(codes)
    findings = named("rebalance.attached", keys[attached.is_new])
    findings += named("rebalance.stranded", keys[attached.labels < 0])
    findings += named("rebalance.torn", keys[attached.is_torn])
    findings += named("rebalance.broken", [codes[grid] for grid in attached.broken.tolist()])
    low, high, target = problem.limits[:k].T
    held = np.bincount(labels[labels >= 0], problem.graph.load[labels >= 0], minlength=k)[:k]
    is_out = (held > high + ROUNDING * target) | (held < low - ROUNDING * target)
    known = np.zeros(k, dtype=bool)
    for code, holds in _reasons(problem, labels, k, is_locked_grid).items():
        told = is_out & holds & ~known
        findings += named(code, [codes[grid] for grid in np.flatnonzero(told).tolist()])
        known |= told
    return findings


def _reasons(
    problem: Problem, labels: np.ndarray, k: int, is_locked_grid: np.ndarray
) -> dict[str, np.ndarray]:
    """Masks of the grids for which each reason holds."""
    graph, home = problem.graph, problem.home
    high, low = problem.limits[:k, 1], problem.limits[:k, 0]
    is_kept = problem.is_fixed & (labels >= 0) & (labels < k)
    fixed = np.bincount(labels[is_kept], graph.load[is_kept], minlength=k)[:k]
    heaviest = np.zeros(k)
    held = (labels >= 0) & (labels < k)
    np.maximum.at(heaviest, labels[held], graph.load[held])
    one, other = graph.edges()
    is_border = (labels[one] != labels[other]) & held[one] & problem.is_open[labels[other]]
    n_beside = np.bincount(labels[one[is_border]], minlength=k)[:k]
    part = np.zeros(k, dtype=np.int64)
    part[labels[held]] = graph.part[held]
    n_parts = graph.n_parts
    load = np.bincount(graph.part[home >= 0], graph.load[home >= 0], minlength=n_parts)
    fits_high = load <= np.bincount(part, high, minlength=n_parts) * (1 + ROUNDING)
    fits_low = load >= np.bincount(part, low, minlength=n_parts) * (1 - ROUNDING)
    return {
        "rebalance.locked_grid": is_locked_grid,
        "rebalance.locked_cells": fixed > high,
        "rebalance.heavy_cell": heaviest > high,
        "rebalance.lonely_grid": n_beside == 0,
        "rebalance.mean": ~(fits_high & fits_low)[part],
        "rebalance.outside": np.ones(k, dtype=bool),
    }
