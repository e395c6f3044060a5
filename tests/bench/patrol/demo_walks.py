# ruff: noqa: E402 - threads are set before NumPy starts
"""The demo town's month of rounds: streets really missed found, streets missed by habit found.

Run: python -m tests.bench.patrol.demo_walks [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd

from boundaries import demo
from geo.patrol import coverage, tracks
from tests.bench.results import table

MISSED_BELOW = 0.5
"""A street counts as missed where less than this share of it was walked."""


def told_streets(town: object, fixes: gpd.GeoDataFrame) -> tuple[pd.DataFrame, float]:
    """Truth per patrol and street of the beat, with what coverage says of it, and CPU seconds."""
    pieces = coverage.cut_pieces(town.streets)  # type: ignore[attr-defined]
    coverage.cover(pieces, fixes[fixes["patrol"] == fixes["patrol"].iloc[0]])  # compiled
    clock = time.process_time()
    rows = coverage.cover(pieces, fixes)
    seconds = time.process_time() - clock
    seen = rows.merge(pieces[["piece", "street", "length_m"]], on="piece")
    seen["metres"] = seen["probability"] * seen["length_m"]
    seen["doubt"] = seen["length_m"].where(seen["verdict"] == "cannot_tell", 0.0)
    by_street = seen.groupby(["patrol", "street"])[["metres", "doubt"]].sum().reset_index()
    truth = town.missed_truth  # type: ignore[attr-defined]
    truth = truth[truth["patrol"].isin(fixes["patrol"])]
    told = truth.merge(by_street, on=["patrol", "street"], how="left").fillna(
        {"metres": 0.0, "doubt": 0.0}
    )
    return told, seconds


def main() -> None:
    quick = "--quick" in sys.argv
    town = demo.generate()
    fixes = town.tracks
    if quick:
        some = fixes["worker"].drop_duplicates().iloc[:8]
        fixes = fixes[fixes["worker"].isin(some)]
    fixes = tracks.clean(fixes)
    told, seconds = told_streets(town, fixes)
    length = told["length_m"].to_numpy()
    is_missed = (told["walked_m"] < MISSED_BELOW * told["length_m"]).to_numpy()
    share = told["metres"].to_numpy() / length
    is_open = told["doubt"].to_numpy() > 0.5 * length
    said = (share < 0.5) & ~is_open
    hit, wrong = length[is_missed & said].sum(), length[~is_missed & said].sum()
    lost, open_m = length[is_missed & ~said & ~is_open].sum(), length[is_open].sum()
    worker = told["patrol"].str.rsplit("-", n=1).str[-1]
    habit = told.assign(worker=worker, share=share).groupby(["worker", "street"])
    by_habit = habit.agg(is_habit=("is_habit", "first"), share=("share", "mean"))
    found = by_habit["share"] < MISSED_BELOW
    n_habit = int(by_habit["is_habit"].sum())
    n_found = int((found & by_habit["is_habit"]).sum())
    n_false = int((found & ~by_habit["is_habit"]).sum())
    error = np.abs(share - told["walked_m"] / length).mean()
    precision, recall = hit / max(hit + wrong, 1), hit / max(hit + lost, 1)
    lines = [
        ["rounds, fixes", f"{fixes['patrol'].nunique():,}, {len(fixes):,}"],
        ["CPU s, fixes a second", f"{seconds:.2f}, {len(fixes) / seconds:,.0f}"],
        ["missed in a round: precision, recall by length", f"{precision:.3f}, {recall:.3f}"],
        ["their F1", f"{2 * precision * recall / max(precision + recall, 1e-9):.3f}"],
        ["length that cannot be told", f"{open_m / length.sum():.1%}"],
        ["streets missed by habit found", f"{n_found} of {n_habit}, {n_false} false of "
         f"{len(by_habit) - n_habit}"],
        ["mean error of a street's walked share", f"{error:.3f}"],
    ]  # fmt: skip
    print(table(["what", "seen"], lines))


if __name__ == "__main__":
    main()
