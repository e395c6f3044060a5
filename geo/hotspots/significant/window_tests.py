"""Exact tests of the windows around every cell, at several widths, and what they say of cells."""

from __future__ import annotations

import numpy as np

from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.count_models import CountModel
from geo.hotspots.significant.false_discovery import Correction, q_values
from geo.hotspots.significant.window_sums import spread_to_cores, window_sums

SCALES = ((0, 0.06), (1, 0.8), (2, 0.14))
"""Reach of the windows in cells (1, 3 and 5 cells wide), and each one's share of the level.

Most goes to 3 x 3, the one size at which Gi* is near the best test there is: so shared, power on
spots of that size is equal at like size, and at 1 and 5 cells far above (see the benchmark)."""

MIN_IN_WINDOW = 3
"""Incidents below which a window is not heard: two may be two reports of one matter, and one in a
sliver of a cell at the border of the ground would outweigh its tiny exposure."""

_MAX_LEVELS = 400
"""Most p-values at which the chances are summed exactly; others take those of the next above."""


def q_of_cells(
    model: CountModel,
    counts: Indices,
    expected: Floats,
    is_tested: Bools,
    *,
    correction: Correction,
    alpha: float,
) -> tuple[Floats, Indices]:
    """(rows, cols) least q of the windows in whose core a cell lies, and that window's width.

    Each scale is tested by itself at its share of the level: p of every window around a tested
    cell, q by false-discovery control with the chances that discrete p-values really have, the
    windows that one raised cell raises together counting as one discovery. No window with p above
    alpha is heard.
    """
    heard = []
    for reach, share in SCALES:
        window, found = _evidence(
            model, counts, expected, is_tested, reach=reach, correction=correction, alpha=alpha
        )
        heard.append((window, found / share, np.full(len(window), reach)))
    window, evidence, reaches = (np.concatenate(parts) for parts in zip(*heard, strict=True))
    says = np.flatnonzero(evidence < 1.0)
    says = says[np.argsort(evidence[says], kind="stable")]
    n_windows = sum((2 * reach + 1) ** 2 for reach, _ in SCALES)
    q, width = np.ones(counts.shape), np.zeros(counts.shape, dtype=np.int64)
    spread_to_cores(
        counts,
        expected,
        is_tested,
        window[says],
        reaches[says],
        evidence[says],
        model.code,
        model.total,
        model.other,
        alpha,
        alpha / n_windows,
        q,
        width,
    )
    return q, width


def _evidence(
    model: CountModel,
    counts: Indices,
    expected: Floats,
    is_tested: Bools,
    *,
    reach: int,
    correction: Correction,
    alpha: float,
) -> tuple[Indices, Floats]:
    """Centres of the windows of one width with p up to alpha, and their q at the full level."""
    n_cells = window_sums(is_tested.astype(np.float64), reach)
    window = np.flatnonzero(is_tested & ((n_cells > 1) | (reach == 0)))
    inside = np.where(is_tested, counts, 0).astype(np.float64)
    seen = window_sums(inside, reach).flat[window].astype(np.int64)
    mean = window_sums(expected, reach).flat[window]
    p = np.ones(len(window))
    is_high = (seen > mean) & (seen >= MIN_IN_WINDOW)
    p[is_high] = model.upper_tails(seen[is_high], mean[is_high])
    levels = _levels(p[p <= alpha])
    if not len(levels):
        return window[:0], p[:0]
    sums = np.append(model.chance_sums(mean, levels) / (1.0 - alpha), len(p))
    of_window = sums[np.searchsorted(levels, p * (1.0 - 1e-9))]
    clump = (2 * reach + 1) ** 2
    q = q_values(p, correction=correction, chance_sums=of_window, clump=clump)
    return window[p <= alpha], q[p <= alpha]


def _levels(p: Floats) -> Floats:
    """(k,) ascending p-values at which chances are summed: all, or the least and some of them."""
    levels = np.unique(p)
    if len(levels) <= _MAX_LEVELS:
        return levels
    n_least = _MAX_LEVELS // 2
    rest = np.linspace(n_least, len(levels) - 1, _MAX_LEVELS - n_least).astype(np.int64)
    return np.concatenate([levels[:n_least], levels[np.unique(rest)]])
