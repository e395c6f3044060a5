"""What incidents come from: homes, streets, open ground, mixed as the incidents themselves tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices

_STEPS = 200
_SETTLED = 1e-6
"""Change of every share below which the fit has settled."""


@dataclass(frozen=True)
class Mixture:
    """`exposure` (rows, cols): where an incident is expected, summing to 1 (all 0 where no source
    has anything); `shares`: the share of incidents that comes from each source, summing to 1.
    """

    exposure: Floats
    shares: dict[str, float]


def fit_mixture(counts: Indices, sources: Mapping[str, Floats]) -> Mixture:
    """The mixture of sources under which the counts are likeliest.

    Each incident comes from one source, and within it from a cell in proportion to the source's
    amount there; the shares are found by expectation-maximisation (Dempster, Laird and Rubin
    1977), whose likelihood is concave in them, so that the answer does not depend on the start.
    Few shares are fitted to all cells at once: a hotspot moves them little. Sources without any
    amount are left out; without incidents every source has the same share.

    Parameters
    ----------
    counts : (rows, cols) incidents
    sources : name -> (rows, cols) amounts >= 0, such as households or metres of street

    Raises
    ------
    ParameterError : no source has any amount
    """
    amounts = {name: source / source.sum() for name, source in sources.items() if source.sum() > 0}
    if not amounts:
        raise ParameterError(
            "hotspots.no_exposure",
            f"one of the sources {sorted(sources)} must have an amount somewhere; all are 0. "
            "Import buildings, streets or communities.",
            sources=", ".join(sorted(sources)),
        )
    raster = np.stack(list(amounts.values()))
    is_hit = (counts > 0) & (raster.sum(axis=0) > 0)
    chance, weight = raster[:, is_hit], counts[is_hit].astype(np.float64)
    shares = np.full(len(amounts), 1.0 / len(amounts))
    for _ in range(_STEPS if weight.sum() > 0 else 0):
        joint = shares[:, None] * chance
        fitted = (joint / joint.sum(axis=0)) @ weight / weight.sum()
        is_settled = np.abs(fitted - shares).max() < _SETTLED
        shares = fitted
        if is_settled:
            break
    return Mixture(
        exposure=np.tensordot(shares, raster, axes=1),
        shares=dict(zip(amounts, shares.tolist(), strict=True)),
    )
