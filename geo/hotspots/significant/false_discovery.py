"""False-discovery control over many tests."""

from __future__ import annotations

from typing import Literal

import numpy as np

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats

Correction = Literal["bh", "by"]


def q_values(
    p: Floats, *, correction: Correction = "bh", chance_sums: Floats | None = None, clump: int = 1
) -> Floats:
    """(n,) least false-discovery rate at which each test is rejected, 0 to 1.

    "bh": Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57(1), for tests that are independent or
    positively dependent. "by": Benjamini & Yekutieli 2001, Ann. Stat. 29(4), under any dependence,
    times 1 + 1/2 + ... + 1/n.

    Parameters
    ----------
    p : (n,) p-values, 0 to 1
    chance_sums : (n,) for each p-value, the sum over the tests of the chance of one as small or
        smaller. For continuous tests it is n p (used where it is not given); for discrete ones it
        is less, and using it keeps the level (step-up HSU of Doehler, Durand & Roquain 2018,
        Electron. J. Stat. 12(1), where that chance is additionally divided by one minus the
        chance at the greatest threshold; give sums so divided)
    clump : how many rejections one true discovery may bring with it (overlapping windows); so
        many count as one

    Raises
    ------
    ParameterError : no such correction
    """
    if correction not in ("bh", "by"):
        raise ParameterError(
            "hotspots.unknown_correction",
            f'`correction` must be "bh" or "by"; got {correction!r}.',
            value=str(correction),
        )
    n = len(p)
    if n == 0:
        return np.zeros(0)
    order = np.argsort(p, kind="stable")
    expected_false = n * p[order] if chance_sums is None else chance_sums[order]
    n_rejected = np.searchsorted(p[order], p[order], side="right")
    ratio = expected_false / np.maximum(n_rejected / clump, 1.0)
    if correction == "by":
        ratio = ratio * np.sum(1.0 / np.arange(1, n + 1))
    q = np.empty(n)
    q[order] = np.minimum(np.minimum.accumulate(ratio[::-1])[::-1], 1.0)
    return q
