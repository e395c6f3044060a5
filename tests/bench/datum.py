"""Datum conversions of a million points, one thread, with their round trips checked.

    python tests/bench/datum.py

Points are random over the mainland's outline. Printed are the CPU seconds of each conversion and
the worst distance between a point and its round trip.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from geo import crs

N = 1_000_000
METRES_PER_DEGREE = 111_320.0
WORST_M = 1e-3
"""A round trip must come back within a millimetre."""

Convert = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

PAIRS: tuple[tuple[str, Convert, Convert], ...] = (
    ("gcj02", crs.wgs84_to_gcj02, crs.gcj02_to_wgs84),
    ("bd09", crs.wgs84_to_bd09, crs.bd09_to_wgs84),
)


def mainland_points(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random longitudes and latitudes inside the mainland."""
    lon, lat = rng.uniform(73.5, 135.1, 3 * n), rng.uniform(18.1, 53.6, 3 * n)
    is_inside = crs.is_mainland(lon, lat)
    return lon[is_inside][:n], lat[is_inside][:n]


def timed(
    convert: Convert, lon: np.ndarray, lat: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """The conversion, and the CPU seconds of the best of three runs."""
    best = np.inf
    for _ in range(3):
        begun = time.process_time()
        x, y = convert(lon, lat)
        best = min(best, time.process_time() - begun)
    return x, y, best


def main() -> None:
    """Print a table of seconds and worst errors; fail when a round trip is off."""
    lon, lat = mainland_points(N, np.random.default_rng(0))
    print(f"{len(lon):,} points\n| datum | forward CPU s | inverse CPU s | worst round trip m |")
    print("|---|---|---|---|")
    for name, forward, inverse in PAIRS:
        x, y, forward_s = timed(forward, lon, lat)
        back_x, back_y, inverse_s = timed(inverse, x, y)
        east = (back_x - lon) * METRES_PER_DEGREE * np.cos(np.radians(lat))
        north = (back_y - lat) * METRES_PER_DEGREE
        worst_m = float(np.hypot(east, north).max())
        print(f"| {name} | {forward_s:.2f} | {inverse_s:.2f} | {worst_m:.1e} |")
        if not worst_m < WORST_M:
            raise SystemExit(f"{name}: worst round trip {worst_m} m, over {WORST_M} m")


if __name__ == "__main__":
    main()
