"""Households and people of every entrance, exact in total; the three chiefs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from boundaries.demo import names
from boundaries.demo.buildings import HOME_KINDS, Built
from geo.schema import LAYERS, check_frame

N_HOUSEHOLDS = 18_240
N_PEOPLE = 33_600
N_GRIDS = 48
ROSTER_FROM = "2025-09-01"


@dataclass(frozen=True)
class Living:
    """Households and people of each entrance, in order of `built` and its doors."""

    building: np.ndarray
    households: np.ndarray
    people: np.ndarray


def settle(built: list[Built], community: np.ndarray, rng: np.random.Generator) -> Living:
    """Households and people of each entrance.

    Communities get households by their homes, near multiples of the households of one grid, so
    that N_GRIDS grids of the same size fit; entrances share them by their flats.

    Parameters
    ----------
    built : the buildings
    community : community number of each building
    """
    building = np.repeat(np.arange(len(built)), [len(b.doors) for b in built])
    flats = np.array(
        [b.plan.floors * b.plan.per_floor if b.plan.kind in HOME_KINDS else 0 for b in built]
    )[building].astype(float)
    is_shop_floor = np.array([b.plan.kind == "mixed" for b in built])[building]
    flats[is_shop_floor] *= 0.88
    flats *= rng.uniform(0.94, 1.0, len(flats))
    of = community[building]
    wanted = community_households(np.bincount(of, weights=flats))
    households = np.zeros(len(building), dtype="int64")
    for i, total in enumerate(wanted):
        inside = of == i
        households[inside] = share_out(int(total), flats[inside])
    size = 1.55 + 0.5 * np.array([b.plan.floors for b in built])[building] / 20
    size *= rng.uniform(0.9, 1.1, len(size))
    people = share_out(N_PEOPLE, households * size)
    return Living(building, households, people)


def community_households(flats: np.ndarray) -> np.ndarray:
    """Households of each community: a whole number of grids by flats, give or take a few."""
    per_grid = N_HOUSEHOLDS // N_GRIDS
    n_grids = share_out(N_GRIDS, flats)
    slack = flats * N_HOUSEHOLDS / flats.sum() - n_grids * per_grid
    slack = np.clip(np.rint(slack * 0.1), -2 * n_grids, 2 * n_grids).astype("int64")
    slack[np.argmax(flats)] -= slack.sum()
    return np.asarray(n_grids * per_grid + slack)


def share_out(total: int, weights: np.ndarray) -> np.ndarray:
    """Whole numbers that sum to `total`, by weight, largest remainders first."""
    exact = weights * total / weights.sum()
    shares = np.floor(exact).astype("int64")
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: total - int(shares.sum())]] += 1
    return np.asarray(shares)


def roster(
    communities: list[str],
    n_grids: np.ndarray,
    buildings: list[str],
    entrances: list[str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Roster rows: a grid worker for each grid, a chief for each building and entrance."""
    areas = np.repeat(np.array(communities), n_grids).tolist()
    kinds = [
        ("grid_worker", "community", areas, "W"),
        ("building_chief", "building", buildings, "L"),
        ("entrance_chief", "entrance", entrances, "D"),
    ]
    frames = []
    start = 1
    for role, area_kind, area, letter in kinds:
        n = len(area)
        frames.append(
            pd.DataFrame(
                {
                    "person": [f"{letter}{i + 1:04d}" for i in range(n)],
                    "name": names.people(n, rng),
                    "phone": names.phones(start, n),
                    "role": role,
                    "area_kind": area_kind,
                    "area": area,
                    "valid_from": pd.Timestamp(ROSTER_FROM),
                    "valid_to": pd.NaT,
                }
            )
        )
        start += n
    rows = check_frame(LAYERS["roster"], pd.concat(frames, ignore_index=True))
    return pd.DataFrame(rows.accepted)
