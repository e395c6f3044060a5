"""Thousands of small random towns: is every plan whole, connected and without empty grids?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from geo.errors import GridError
from geo.planning.contiguity import adjacency
from geo.planning.partition import partition
from tests.bench.planning import ours
from tests.bench.planning.synthetic import town

TOLERANCES = (0.0, 0.01, 0.05, 0.1, 0.3)
MOST_CELLS = 80
BATCH = 500
"""Towns planned by one process."""

IN_FULL, SHORT_S = 10, 0.1
"""Every tenth town is planned as long as the engine likes, the others so many seconds: what a
search leaves behind must be whole at any time."""


def batch(_: None, *, first: int, count: int) -> Callable[[], Counter[str]]:
    """Plans the towns numbered `first` on; counts plans, refusals and violations by kind."""
    ours.warm_up()

    def run() -> Counter[str]:
        found: Counter[str] = Counter()
        for number in range(first, first + count):
            found.update(one_town(number))
        return found

    return run


def one_town(number: int) -> list[str]:
    """What is wrong with the plan of one random town, each with the town's number; `plans` or
    `refused` (an error of ours with a code) besides."""
    rng = np.random.default_rng([7, number])
    cells = town(
        int(rng.integers(4, MOST_CELLS)),
        rng,
        is_lattice=bool(rng.integers(2)),
        skew=float(rng.uniform(0.1, 1.5)),
        heavy_share=float(rng.choice([0, 0, 0.05])),
        empty_share=float(rng.choice([0, 0.1, 0.4])),
        n_rivers=int(rng.integers(3)),
        n_communities=int(rng.integers(1, 5)),
    )
    cells["compound"] = (np.arange(len(cells)) // int(rng.integers(1, 6))).astype(str)
    wanted: dict[str, Any] = {"tolerance": float(rng.choice(TOLERANCES)), "seed": number}
    total = max(1.0, float(cells["load"].sum()))
    if rng.random() < 0.5:
        wanted["n_grids"] = int(rng.integers(1, max(2, len(cells) // 3)))
    else:
        wanted["target"] = total / int(rng.integers(1, max(2, len(cells) // 3)))
    if rng.random() < 0.3:
        wanted["keep_whole"] = "compound"
    if number % IN_FULL:
        wanted["time_limit_s"] = SHORT_S
    border = adjacency(cells, within="community")
    try:
        labels = partition(cells, border, load="load", within="community", **wanted).labels
    except GridError as error:
        return ["refused", f"refused {error.code}"]
    except Exception as error:
        return [f"crash ({type(error).__name__}): town {number}"]
    found = ["plans"]
    found += [f"{what}: town {number}" for what in violations(cells, border, labels)]
    k = wanted.get("n_grids", 0)
    has_heavy = k > 0 and float(cells["load"].max()) > total / k
    is_possible = k >= count_parts(cells, border) and not has_heavy
    if is_possible and len(np.unique(labels)) != k:
        found.append(f"another number of grids: town {number}")
    return found


def violations(cells: Any, border: Any, labels: np.ndarray) -> list[str]:
    """`unassigned`, `empty grid`, `broken grid`, `two communities`, by plain search."""
    found = []
    if labels.shape != (len(cells),) or (labels < 0).any():
        return ["unassigned"]
    grids = np.unique(labels)
    if len(grids) != int(labels.max()) + 1:
        found.append("empty grid")
    communities = cells["community"].to_numpy()
    for grid in grids:
        inside = np.flatnonzero(labels == grid)
        if len(set(communities[inside])) > 1:
            found.append("two communities")
    if count_parts(cells.assign(community=labels), border) > len(grids):
        found.append("broken grid")
    return found


def count_parts(cells: Any, border: Any) -> int:
    """Connected parts of the cells of equal community, by plain search."""
    area = cells["community"].to_numpy()
    near: dict[int, list[int]] = {cell: [] for cell in range(len(cells))}
    for a, b in zip(border.left.tolist(), border.right.tolist(), strict=True):
        if area[a] == area[b]:
            near[a].append(b)
            near[b].append(a)
    ahead: list[int] = []
    n_parts = 0
    while near:
        if not ahead:
            n_parts += 1
            ahead.append(next(iter(near)))
        ahead += [cell for cell in near.pop(ahead.pop(), []) if cell in near]
    return n_parts
