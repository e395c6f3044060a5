"""Graphs of small boards, and all their divisions: what exact answers are compared with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.graph import Graph


def board(
    loads: Sequence[Sequence[float]],
    *,
    widths_m: Sequence[float] | None = None,
    heights_m: Sequence[float] | None = None,
    closed: Sequence[tuple[int, int]] = (),
    on_barrier: Sequence[tuple[int, int]] = (),
) -> Graph:
    """Rectangles row by row as drawn, numbered like text, with rook neighbours.

    Parameters
    ----------
    widths_m, heights_m : of columns and rows, 100 by default
    closed : pairs of cells that are no neighbours though they touch
    on_barrier : pairs whose border lies on a barrier
    """
    load = np.array(loads, dtype=float)
    n_rows, n_columns = load.shape
    width = np.full(n_columns, 100.0) if widths_m is None else np.array(widths_m, dtype=float)
    height = np.full(n_rows, 100.0) if heights_m is None else np.array(heights_m, dtype=float)
    number = np.arange(load.size).reshape(load.shape)
    border = {
        **{(int(number[i, j]), int(number[i, j + 1])): height[i]
           for i in range(n_rows) for j in range(n_columns - 1)},
        **{(int(number[i, j]), int(number[i + 1, j])): width[j]
           for i in range(n_rows - 1) for j in range(n_columns)},
    }  # fmt: skip
    kept = sorted(pair for pair in border if pair not in set(closed))
    pairs = np.array(kept, dtype=np.int64).reshape(-1, 2)
    length_m = np.array([border[pair] for pair in kept])
    barrier_m = np.array([border[pair] if pair in set(on_barrier) else 0.0 for pair in kept])
    one, other = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    order = np.lexsort((other, one))
    n = load.size
    links = coo_array((np.ones(len(one)), (one, other)), shape=(n, n)).tocsr()
    x, y = np.meshgrid(np.cumsum(width) - width / 2, -np.cumsum(height) + height / 2)
    return Graph(
        indptr=np.r_[0, np.cumsum(np.bincount(one, minlength=n))].astype(np.int64),
        indices=other[order],
        length_m=np.r_[length_m, length_m][order],
        barrier_m=np.r_[barrier_m, barrier_m][order],
        load=load.ravel(),
        area_m2=np.outer(height, width).ravel(),
        perimeter_m=2 * (height[:, None] + width[None, :]).ravel(),
        place=np.column_stack([x.ravel(), y.ravel()]),
        part=connected_components(links, directed=False)[1].astype(np.int64),
        unit_of_cell=np.arange(n),
    )


def is_connected(graph: Graph, cells: np.ndarray) -> bool:
    """Whether the cells, at least one, hang together."""
    held = set(cells.tolist())
    reached, left = {min(held)}, [min(held)]
    while left:
        cell = left.pop()
        for other in graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]].tolist():
            if other in held and other not in reached:
                reached.add(other)
                left.append(other)
    return reached == held


def divisions(graph: Graph, n_grids: int, *, are_alike: bool = True) -> Iterator[np.ndarray]:
    """Labels of every division into connected grids; each once if the grids are alike."""
    for given in itertools.product(range(n_grids), repeat=graph.n_units):
        labels = np.array(given)
        first = [given.index(grid) if grid in given else -1 for grid in range(n_grids)]
        if min(first) < 0 or (are_alike and first != sorted(first)):
            continue
        if all(is_connected(graph, np.flatnonzero(labels == g)) for g in range(n_grids)):
            yield labels


@st.composite
def small_boards(draw: st.DrawFn, *, most: int = 9) -> Graph:
    """Boards of at most that many cells with uneven sides and loads, some borders closed."""
    n_rows = draw(st.integers(1, 3))
    n_columns = draw(st.integers(2, most // n_rows))
    loads = draw(
        st.lists(
            st.lists(st.integers(1, 9), min_size=n_columns, max_size=n_columns),
            min_size=n_rows,
            max_size=n_rows,
        )
    )
    sides = st.sampled_from([50.0, 80.0, 100.0, 170.0])
    widths = draw(st.lists(sides, min_size=n_columns, max_size=n_columns))
    heights = draw(st.lists(sides, min_size=n_rows, max_size=n_rows))
    every = board(loads, widths_m=widths, heights_m=heights)
    one, other = every.edges()
    pairs = [(int(a), int(b)) for a, b in zip(one, other, strict=True) if a < b]
    closed = draw(st.lists(st.sampled_from(pairs), max_size=2, unique=True))
    on_barrier = draw(st.lists(st.sampled_from(pairs), max_size=3, unique=True))
    return board(loads, widths_m=widths, heights_m=heights, closed=closed, on_barrier=on_barrier)
