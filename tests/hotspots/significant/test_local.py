"""Getis-Ord and local Moran: esda's published values, and every permutation counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse

from geo.errors import ParameterError
from geo.hotspots.significant.local import general_g, getis_ord, getis_ord_on_lattice, local_moran

# the data of esda's own tests (tests/test_getisord.py), neighbours within 15
POINTS = np.array([(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)])
VALUES = np.array([2, 3, 3.2, 5, 8, 7])
DISTANCE = np.hypot(*(POINTS[:, None] - POINTS[None]).transpose(2, 0, 1))
NEAR = scipy.sparse.csr_array(((DISTANCE <= 15) & (DISTANCE > 0)).astype(float))
PUBLISHED = 5e-9
"""Half of the last digit that esda's tests print."""


@pytest.mark.parametrize(
    ("star", "transform", "z"),
    [
        (False, "binary", -1.0136729),
        (False, "row", -0.62074534),
        (True, "binary", -1.39727626),
        (True, "row", -0.62488094),
    ],
)
def test_getis_ord_equals_esdas_published_values(star: bool, transform: str, z: float) -> None:
    found = getis_ord(VALUES, NEAR, star=star, transform=transform, variance="cardinality")
    digits = PUBLISHED if z != -1.0136729 else 5e-8
    assert found.z[0] == pytest.approx(z, abs=digits)


def test_getis_ord_equals_esda_where_it_is_installed() -> None:
    esda = pytest.importorskip("esda", reason="esda is not installed: not compared with it")
    graph = pytest.importorskip("libpysal.graph").Graph
    near = graph.from_sparse(NEAR.tocoo())
    for star in (False, True):
        theirs = esda.G_Local(VALUES, near, transform="B", star=star, permutations=0)
        ours = getis_ord(VALUES, NEAR, star=star)
        assert ours.z == pytest.approx(np.asarray(theirs.Zs), abs=1e-9)
        assert ours.p == pytest.approx(np.asarray(theirs.p_norm), abs=1e-9)


def test_general_g_equals_esdas_published_value() -> None:
    found = general_g(VALUES, NEAR)
    assert found.value == pytest.approx(0.55709779, abs=PUBLISHED)
    assert found.p == pytest.approx(0.172936, abs=5e-7)


def test_general_g_moments_are_those_of_all_permutations() -> None:
    all_values = np.array([general_g(np.array(v), NEAR).value for v in _orders(VALUES)])
    found = general_g(VALUES, NEAR)
    assert found.expected == pytest.approx(all_values.mean())
    assert found.variance == pytest.approx(all_values.var())


@pytest.mark.parametrize("transform", ["binary", "row"])
def test_getis_ord_moments_are_those_of_all_permutations_of_the_others(transform: str) -> None:
    found = getis_ord(VALUES, NEAR, star=False, transform=transform)
    for i in range(6):
        all_values = np.array(
            [getis_ord(v, NEAR, star=False, transform=transform).value[i] for v in _others(i)]
        )
        assert found.expected[i] == pytest.approx(all_values.mean())
        assert found.variance[i] == pytest.approx(all_values.var())


def test_getis_ord_squares_make_rows_and_counts_agree() -> None:
    # standardising rows scales value, mean and deviation alike
    for star in (False, True):
        row = getis_ord(VALUES, NEAR, star=star, transform="row")
        assert row.z == pytest.approx(getis_ord(VALUES, NEAR, star=star).z)


@pytest.mark.parametrize("star", [False, True])
@pytest.mark.parametrize("reach", [1, 2])
def test_getis_ord_on_lattice_equals_the_same_weights(star: bool, reach: int) -> None:
    rng = np.random.default_rng(0)
    counts, inside = rng.poisson(2.0, (7, 9)), rng.random((7, 9)) > 0.2
    row, col = np.nonzero(inside)
    apart = np.maximum(abs(row[:, None] - row), abs(col[:, None] - col))
    near = scipy.sparse.csr_array(((apart <= reach) & (apart > 0)).astype(float))
    ours = getis_ord_on_lattice(counts, inside, reach_cells=reach, star=star)
    same = getis_ord(counts[inside].astype(float), near, star=star)
    assert ours.z[inside] == pytest.approx(same.z, abs=1e-12)
    assert ours.value[inside] == pytest.approx(same.value, abs=1e-12)
    assert not ours.z[~inside].any()


def test_getis_ord_says_where_it_is_wrong() -> None:
    counts = np.random.default_rng(0).poisson(3.0, (8, 8))
    people = np.random.default_rng(1).gamma(1.0, 1.0, (8, 8))
    inside = np.ones((8, 8), bool)
    assert getis_ord_on_lattice(counts, inside).notes == ("hotspots.note.small_counts",)
    assert getis_ord_on_lattice(counts * 100, inside, exposure=people).notes == (
        "hotspots.note.uneven_exposure",
    )
    assert getis_ord_on_lattice(counts * 100, inside, exposure=np.ones((8, 8))).notes == ()


@pytest.mark.parametrize("value", [0, 7])
def test_getis_ord_without_variation_is_zero(value: int) -> None:
    found = getis_ord_on_lattice(np.full((5, 5), value), np.ones((5, 5), bool))
    assert not found.z.any()
    assert (found.p == 0.5).all()
    assert "hotspots.note.no_variation" in found.notes


def test_getis_ord_of_one_cell_and_of_none_is_zero() -> None:
    inside = np.zeros((3, 3), bool)
    assert not getis_ord_on_lattice(np.ones((3, 3)), inside).z.any()
    inside[1, 1] = True
    for star in (False, True):
        assert not getis_ord_on_lattice(np.ones((3, 3)), inside, star=star).z.any()


def test_local_moran_moments_are_those_of_all_permutations_of_the_others() -> None:
    found = local_moran(VALUES, NEAR)
    for i in range(6):
        all_values = np.array([local_moran(v, NEAR).value[i] for v in _others(i)])
        assert found.expected[i] == pytest.approx(all_values.mean())
        assert found.variance[i] == pytest.approx(all_values.var())


def test_local_moran_permutation_p_is_that_of_all_permutations() -> None:
    n = 20_000
    found = local_moran(VALUES, NEAR, permutations=n, seed=3)
    assert found.p_permuted is not None
    for i in range(6):
        drawn = np.array([local_moran(v, NEAR).value[i] for v in _others(i)])
        greater = (drawn >= found.value[i] - 1e-9).mean()
        # three standard errors of a share of one half
        assert found.p_permuted[i] == pytest.approx(min(greater, 1 - greater), abs=0.011)


def test_local_moran_permutation_p_has_a_floor_and_a_seed() -> None:
    values = np.zeros(400)
    values[:3] = 50.0
    chain = scipy.sparse.csr_array(
        scipy.sparse.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(400, 400))
    )
    found = local_moran(values, chain, permutations=99, seed=1)
    assert found.p_permuted is not None
    assert found.p_permuted.min() == pytest.approx(0.01)
    again = local_moran(values, chain, permutations=99, seed=1)
    assert np.array_equal(found.p_permuted, again.p_permuted)
    other = local_moran(values, chain, permutations=99, seed=2)
    assert not np.array_equal(found.p_permuted, other.p_permuted)


def test_local_moran_without_variation_is_zero() -> None:
    found = local_moran(np.ones(6), NEAR, permutations=9)
    assert not found.z.any()
    assert (found.p_permuted == 1).all()


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(ParameterError) as refused:
        getis_ord(VALUES[:5], NEAR, star=True)
    assert refused.value.code == "hotspots.shape_differs"
    assert refused.value.params["name"] == "weights"


def test_general_g_without_variation_is_refused() -> None:
    with pytest.raises(ParameterError) as refused:
        general_g(np.ones(6), NEAR)
    assert refused.value.code == "hotspots.no_variation"


def _orders(values: np.ndarray) -> list[tuple[float, ...]]:
    return list(itertools.permutations(values))


def _others(i: int) -> list[np.ndarray]:
    """All orders of the values of the places other than i."""
    return [np.insert(np.array(v), i, VALUES[i]) for v in _orders(np.delete(VALUES, i))]
