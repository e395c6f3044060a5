"""Reasons that hold, put beside what they explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def with_reasons(
    rows: pd.DataFrame, holds: Mapping[str, pd.Series], order: Sequence[str]
) -> pd.DataFrame:
    """The rows with `reason`, the first in that order that holds, and `reasons`, all that hold.

    Parameters
    ----------
    holds : mask of the rows by reason, with every reason of `order`; one at least holds in each row
    """
    masks = np.array([holds[name].to_numpy(dtype=bool) for name in order])
    masks = masks.reshape(len(order), len(rows))
    reasons = [tuple(np.array(order)[column].tolist()) for column in masks.T]
    return rows.assign(reason=[told[0] for told in reasons], reasons=reasons)
