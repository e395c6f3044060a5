# ruff: noqa: E402 - threads are set before NumPy starts
"""False alarms where nothing is hot, and power on planted spots at like size, beside Gi*.

Maps of 100 x 100 cells, Poisson counts. "Uneven": exposure drawn from an exponential distribution,
risk equal everywhere. Size: share of maps with at least one hot cell, wanted at most 5%. Power:
Gi* is cut where its size on the same kind of map is ours; a spot is found when one of its cells
is hot; its share is that of its cells that are.

Run: python -m tests.bench.hotspots.false_alarms [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from geo.hotspots.counts.lattice import Bools, Floats
from geo.hotspots.significant.false_discovery import q_values
from geo.hotspots.significant.local import getis_ord_on_lattice
from geo.hotspots.significant.significance import significant_cells
from tests.bench.results import table

SIDE = 100
INSIDE = np.ones((SIDE, SIDE), dtype=bool)
ALPHA = 0.05
MEANS = (0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0)
POWER_MEANS = (0.05, 0.5, 5.0)
SPOTS = (1, 3, 5)


@dataclass
class Null:
    """Maps on which nothing is hot: false alarms of each method, and Gi*'s greatest z."""

    mean: float
    is_uneven: bool
    ours: float
    gi_counts: float
    gi_rates: float
    n_dispersed: int
    greatest_z: Floats


def exposure_of(rng: np.random.Generator, is_uneven: bool) -> Floats:
    """(rows, cols) with mean 1."""
    exposure = rng.exponential(size=INSIDE.shape) if is_uneven else np.ones(INSIDE.shape)
    return exposure / exposure.mean()


def gi_star(counts: Floats, exposure: Floats, *, is_rate: bool) -> Floats:
    """z of Gi* with the 8 neighbours, on counts or raw rates."""
    return getis_ord_on_lattice(counts / exposure if is_rate else counts, INSIDE).z


def has_hot(z: Floats) -> bool:
    """Whether Gi* under false-discovery control marks a cell, as tools in use do."""
    return bool((q_values(stats.norm.sf(z.ravel())) <= ALPHA).any())


def null_maps(mean: float, is_uneven: bool, n_maps: int) -> Null:
    """Run all methods on maps where nothing is hot."""
    rng = np.random.default_rng([7, round(mean * 100), is_uneven])
    hits = np.zeros(3)
    n_dispersed, greatest = 0, []
    for _ in range(n_maps):
        exposure = exposure_of(rng, is_uneven)
        counts = rng.poisson(mean * exposure)
        found = significant_cells(counts, exposure, is_inside=INSIDE, alpha=ALPHA)
        on_counts = gi_star(counts, exposure, is_rate=False)
        on_rates = gi_star(counts, exposure, is_rate=True)
        hits += found.is_hot.any(), has_hot(on_counts), has_hot(on_rates)
        n_dispersed += found.dispersion > 1
        greatest.append((on_rates if is_uneven else on_counts).max())
    ours, on_counts_share, on_rates_share = hits / n_maps
    return Null(
        mean, is_uneven, ours, on_counts_share, on_rates_share, n_dispersed, np.sort(greatest)
    )


def spot_risk(mean: float, width: int) -> float:
    """Relative risk at which a window of 3 x 3 cells about reaches a chance of one in a million."""
    needed = stats.poisson.isf(1e-6, 9 * mean) + 1
    n_raised = min(width, 3) ** 2
    risk = (needed - (9 - n_raised) * mean) / (n_raised * mean)
    return float(risk if width < 5 else risk * 0.85)


def power(null: Null, width: int, n_maps: int) -> list[object]:
    """One line: spots found, share of their cells, hot cells elsewhere; ours and Gi*."""
    n_null = len(null.greatest_z)
    n_false = max(1, round(null.ours * n_null))
    cut = null.greatest_z[n_null - n_false]
    rng = np.random.default_rng([11, width, round(null.mean * 100), null.is_uneven])
    risk = spot_risk(null.mean, width)
    found, shares, elsewhere = np.zeros(2), np.zeros(2), np.zeros(2)
    for _ in range(n_maps):
        exposure = exposure_of(rng, null.is_uneven)
        row, col = rng.integers(5, SIDE - 10, 2)
        spot: Bools = np.zeros(INSIDE.shape, dtype=bool)
        spot[row : row + width, col : col + width] = True
        counts = rng.poisson(null.mean * exposure * np.where(spot, risk, 1.0))
        ours = significant_cells(counts, exposure, is_inside=INSIDE, alpha=ALPHA).is_hot
        theirs = gi_star(counts, exposure, is_rate=null.is_uneven) >= cut
        for k, is_hot in enumerate((ours, theirs)):
            found[k] += is_hot[spot].any()
            shares[k] += is_hot[spot].mean()
            elsewhere[k] += is_hot[~spot].sum()
    return [
        "uneven" if null.is_uneven else "flat",
        null.mean,
        f"{width} x {width}",
        f"{risk:.1f}",
        f"{n_false / n_null:.3f}",
        *(f"{value:.3f}" for value in (*found / n_maps, *shares / n_maps)),
        *(f"{value:.2f}" for value in elsewhere / n_maps),
        "yes" if found[0] >= found[1] - math.sqrt(found.mean()) else "NO",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    n_null, n_spot = (30, 20) if is_quick else (400, 400)
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / n_null)
    nulls = [null_maps(mean, uneven, n_null) for uneven in (False, True) for mean in MEANS]
    lines = [
        [
            "uneven" if one.is_uneven else "flat",
            one.mean,
            f"{one.ours:.3f}",
            f"{one.gi_counts:.3f}",
            f"{one.gi_rates:.3f}",
            f"{one.n_dispersed / n_null:.3f}",
            "yes" if one.ours <= bound else "NO",
        ]
        for one in nulls
    ]
    heads = ["exposure", "mean a cell", "ours", "Gi* + BH, counts", "Gi* + BH, rates"]
    heads += ["called over-dispersed", f"<= 5% (to {bound:.3f} by chance)"]
    print(f"Share of {n_null} maps with a hot cell where nothing is hot\n")
    print(table(heads, lines))
    heads = ["exposure", "mean a cell", "spot", "risk", "size", "found: ours", "found: Gi*"]
    heads += ["cells found: ours", "cells found: Gi*", "hot elsewhere: ours", "hot elsewhere: Gi*"]
    lines = [
        power(one, width, n_spot) for one in nulls if one.mean in POWER_MEANS for width in SPOTS
    ]
    print(f"\nPower on {n_spot} maps with one planted spot, Gi* cut at our size\n")
    print(table([*heads, "at least Gi* (less chance)"], lines))


if __name__ == "__main__":
    main()
