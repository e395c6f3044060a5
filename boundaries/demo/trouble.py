"""The planted trouble spots: what recurs where, in which window, how much more than elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely


@dataclass(frozen=True)
class Trouble:
    """A spot with `extra` incidents of a category from `first` to `last` day within `radius_m`.

    `near` names the site that it lies by; where it is empty, a place inside a compound is drawn.
    """

    category: str
    name: str
    near: str
    radius_m: float
    first: str
    last: str
    extra: float

    def where(self, spots: pd.DataFrame, sites: gpd.GeoDataFrame, rng: np.random.Generator) -> int:
        """Row of the place that is the middle of the spot."""
        if not self.near:
            weight = spots["weight"].to_numpy()
            return int(rng.choice(len(spots), p=weight / weight.sum()))
        site = sites.loc[sites["name"] == self.near, "geometry"].iloc[0]
        points = shapely.points(spots[["x", "y"]].to_numpy())
        order = np.argsort(shapely.distance(points, site), kind="stable")
        return int(order[int(rng.integers(4))])


TROUBLES: tuple[Trouble, ...] = (
    Trouble("0451", "农贸市场门前占道", "榆荫农贸市场", 60, "2025-11-01", "2026-10-31", 130),
    Trouble("0151", "医院后街垃圾堆", "棠影医院", 50, "2025-11-01", "2026-10-31", 75),
    Trouble("0452", "小学门口乱停车", "锦棠桥第一小学", 70, "2026-03-01", "2026-07-10", 55),
    Trouble("0453", "购物中心单车乱停", "锦棠购物中心", 50, "2026-04-01", "2026-10-31", 50),
    Trouble("0655", "文化广场噪声", "锦棠文化广场", 90, "2026-05-01", "2026-09-30", 60),
    Trouble("0154", "机务段旁僵尸车", "松棠机务段旧址", 80, "2025-11-01", "2026-10-31", 32),
    Trouble("0653", "小区楼道停电动车", "", 70, "2026-03-01", "2026-10-31", 60),
    Trouble("0152", "小区污水反复冒溢", "", 50, "2026-06-01", "2026-08-31", 26),
    Trouble("0552", "老楼水管冬季爆裂", "", 60, "2025-12-01", "2026-02-28", 24),
    Trouble("0551", "小区消防通道被占", "", 60, "2026-08-01", "2026-10-31", 22),
    Trouble("0301", "小区垃圾箱满溢", "", 50, "2026-09-15", "2026-10-31", 16),
    Trouble("0251", "小区楼道小广告", "", 60, "2025-11-01", "2026-01-31", 18),
)
