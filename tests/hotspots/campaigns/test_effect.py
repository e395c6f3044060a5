"""Before and after: tables by hand and by scipy, regression to the mean by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.campaigns.effect import Effect, before_after, posterior_mean


def test_before_after_with_control_is_fishers_mid_p() -> None:
    # Place 12 then 3, rest 40 then 38. Given the margins (15 of the 93 at the place, 41 after) the
    # place's count after is hypergeometric: mid-p = 2 (P(X < 3) + P(X = 3) / 2).
    effect = before_after(
        seen_before=12, seen_after=3, control_before=40, control_after=38, days_before=30,
        days_after=30,
    )  # fmt: skip
    law = stats.hypergeom(93, 15, 41)
    assert effect.p == pytest.approx(2 * (law.cdf(2) + law.pmf(3) / 2))
    known = stats.contingency.odds_ratio([[3, 12], [38, 40]]).statistic
    assert effect.ratio == pytest.approx(known, rel=1e-4)
    assert effect.ratio_high is not None and effect.ratio_low is not None
    assert effect.ratio_low < effect.ratio < effect.ratio_high < 1
    assert effect.verdict == "better" and effect.expected_after == pytest.approx(12 * 38 / 40)
    assert effect.text == "hotspots.effect.better"
    assert effect.notes == ("hotspots.effect.peak_falls",)


def test_before_after_alone_by_hand() -> None:
    # 6 then 0 in windows of equal length: binomial(6, 1/2), mid-p = 2 (1/2) (1/64) = 1/64. The
    # upper end solves (1/(1 + r))^6 / 2 = 0.025: r = 0.05^(-1/6) - 1.
    effect = before_after(seen_before=6, seen_after=0, days_before=10, days_after=10)
    assert effect.p == pytest.approx(1 / 64)
    assert (effect.ratio, effect.ratio_low) == (0.0, 0.0)
    assert effect.ratio_high == pytest.approx(0.05 ** (-1 / 6) - 1)
    assert effect.notes == ("hotspots.effect.no_control", "hotspots.effect.peak_falls")


def test_before_after_days_count_without_control() -> None:
    # 10 in 10 days, 20 in 20: nothing has changed.
    effect = before_after(seen_before=10, seen_after=20, days_before=10, days_after=20)
    assert effect.ratio == pytest.approx(1.0) and effect.verdict == "cannot_tell"
    assert effect.expected_after == pytest.approx(20) and effect.rate_after == pytest.approx(1)


def test_before_after_the_town_fell_as_much_is_no_effect() -> None:
    effect = before_after(
        seen_before=40, seen_after=20, control_before=400, control_after=200, days_before=30,
        days_after=30,
    )  # fmt: skip
    assert effect.verdict == "cannot_tell" and effect.ratio == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 2), (2, 0)])
def test_before_after_few_incidents_cannot_tell(before: int, after: int) -> None:
    effect = before_after(seen_before=before, seen_after=after, days_before=30, days_after=30)
    assert effect.verdict == "cannot_tell" and "hotspots.effect.too_few" in effect.notes
    assert np.isfinite(effect.p)


def test_before_after_nothing_anywhere_has_no_ratio() -> None:
    effect = before_after(
        seen_before=0, seen_after=0, control_before=0, control_after=0, days_before=1, days_after=1
    )
    assert (effect.ratio, effect.ratio_low, effect.ratio_high, effect.p) == (None, None, None, 1.0)


def test_before_after_new_trouble_is_worse_without_upper_end() -> None:
    effect = before_after(
        seen_before=0, seen_after=9, control_before=50, control_after=50, days_before=30,
        days_after=30,
    )  # fmt: skip
    assert effect.verdict == "worse" and effect.ratio is None and effect.ratio_high is None


@settings(max_examples=60, deadline=None)
@given(
    place=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    rest=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_before_after_turned_round_is_the_inverse(
    place: tuple[int, int], rest: tuple[int, int]
) -> None:
    def told(way: int) -> Effect:
        return before_after(
            seen_before=place[::way][0], seen_after=place[::way][1], days_before=30, days_after=30,
            control_before=rest[::way][0], control_after=rest[::way][1],
        )  # fmt: skip

    there, back = told(1), told(-1)
    assert 0 <= there.p <= 1 and there.p == pytest.approx(back.p, abs=1e-9)
    if there.ratio and back.ratio:
        assert there.ratio * back.ratio == pytest.approx(1, rel=1e-6)
        assert there.ratio_low is not None and back.ratio_high is not None
        assert there.ratio_low * back.ratio_high == pytest.approx(1, rel=1e-6)


def test_posterior_mean_by_hand() -> None:
    # Mean 4, variance (4 + 4 + 36 + 4 + 16) / 4 = 16 over five places: shape 16 / 12 = 4/3, rate
    # 1/3; a place with 12 has (4/3 + 12) / (1/3 + 1) = 10, shape 40/3.
    assert posterior_mean(12, np.array([2, 2, 10, 6, 0])) == pytest.approx((10.0, 40 / 3))


def test_posterior_mean_of_places_alike_is_theirs() -> None:
    assert posterior_mean(9, np.array([3, 3, 3, 3]))[0] == 3.0


def test_before_after_worst_place_picked_falls_anyway() -> None:
    # Nothing is done anywhere; the worst of 40 places is picked. Uncorrected, the fall looks like
    # success far too often; corrected it does not.
    rng = np.random.default_rng(4)
    raw = corrected = 0
    for _ in range(300):
        rate = rng.gamma(4.0, 2.0, 40)
        before, after = rng.poisson(rate), rng.poisson(rate)
        worst = int(before.argmax())
        counts = {
            "seen_before": int(before[worst]),
            "seen_after": int(after[worst]),
            "control_before": int(before.sum() - before[worst]),
            "control_after": int(after.sum() - after[worst]),
        }
        raw += before_after(**counts, days_before=30, days_after=30).verdict == "better"
        similar = np.delete(before, worst)
        effect = before_after(**counts, days_before=30, days_after=30, similar_before=similar)
        corrected += effect.verdict == "better"
        assert effect.is_corrected and effect.expected_after < effect.seen_before * 1.5
    # "better" by chance: 2.5% of 300 is 7.5; more than 15 would be beyond it.
    assert raw > 30
    assert corrected <= 15


def test_before_after_corrected_finds_a_real_fall() -> None:
    effect = before_after(
        seen_before=40, seen_after=5, control_before=300, control_after=310, days_before=30,
        days_after=30, similar_before=np.array([5, 9, 12, 3, 20, 7, 8, 30, 2, 6]),
    )  # fmt: skip
    assert effect.verdict == "better" and effect.p < 1e-4 and effect.n_fewer > 20


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"seen_after": -1}, "hotspots.effect.counts"),
        ({"days_after": 0}, "hotspots.effect.counts"),
        ({"control_before": 3}, "hotspots.effect.control"),
        ({"similar_before": np.array([1, 2])}, "hotspots.effect.similar"),
        ({"confidence": 1.0}, "hotspots.effect.option"),
    ],
)
def test_before_after_wrong_arguments_are_refused(wrong: dict[str, object], code: str) -> None:
    fine = {"seen_before": 1, "seen_after": 1, "days_before": 30, "days_after": 30}
    with pytest.raises(ParameterError) as caught:
        before_after(**(fine | wrong))
    assert caught.value.code == code
