"""The month's pain points, decisions about them, and what followed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from geo.errors import ConflictError, NotFoundError, ParameterError
from geo.services import campaigns
from geo.store import Store
from tests.services.conftest import incident_at

NOW = datetime(2026, 7, 1, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
HOT = (230.0, 80.0)


def spread(prefix: str, place: tuple[float, float] | None, days: range, category: str) -> object:
    """One incident a day of these days of 2026, at the place or over the whole town."""
    rng = np.random.default_rng(len(days))
    at = {f"{prefix}{n}": place or tuple(rng.uniform(2, (398, 198))) for n in days}
    frame = incident_at(at, category=category)
    frame["reported_at"] = pd.Timestamp("2026-01-01T04:00Z") + pd.to_timedelta(list(days), unit="D")
    return frame


@pytest.fixture
def troubled(store: Store) -> Store:
    """Vendors everywhere every third day, and at one corner every other day; drains everywhere."""
    store.write("incidents", spread("v", None, range(0, 180, 3), "0451"))
    store.write("incidents", spread("h", HOT, range(0, 180, 2), "0451"))
    store.write("incidents", spread("d", None, range(1, 180, 2), "0102"))
    return store


def chosen(store: Store, **options: object) -> str:
    code = campaigns.ranked(store, FIRST, LAST, now=NOW)["code"].iloc[0]
    asked = {"first": FIRST, "last": LAST, "decision": "固定摊位", "starts_on": LAST}
    return campaigns.choose(store, code, **{**asked, **options}, by="li", now=NOW)  # type: ignore[arg-type]


def test_ranked_the_corner_is_the_one_pain_point(troubled: Store) -> None:
    points = campaigns.ranked(troubled, FIRST, LAST, now=NOW)
    assert points["category"].tolist() == ["0451"]
    point = points.iloc[0]
    # 90 at the corner, and of the 60 elsewhere about 60 / 32 fall into its cell
    assert 88 <= point["n_incidents"] <= 96
    assert point["n_weeks_hit"] == 26 and bool(point["is_recurring"])


def test_ranked_an_empty_town_has_none(store: Store) -> None:
    assert campaigns.ranked(store, FIRST, LAST, now=NOW).empty


def test_choose_keeps_the_figures_it_was_chosen_by(troubled: Store) -> None:
    row = campaigns.get(troubled, chosen(troubled))
    assert (row["category"], row["decision"], row["decided_by"]) == ("0451", "固定摊位", "li")
    assert row["excess"] == pytest.approx(row["n_incidents"] - row["expected"])
    assert campaigns.listed(troubled)["campaign"].tolist() == [row["campaign"]]


def test_choose_twice_at_one_place_and_without_words_is_refused(troubled: Store) -> None:
    with pytest.raises(ParameterError) as silent:
        chosen(troubled, decision="  ")
    assert silent.value.code == "campaign.no_decision"
    chosen(troubled)
    with pytest.raises(ConflictError) as twice:
        chosen(troubled)
    assert twice.value.code == "campaign.runs_already"
    with pytest.raises(NotFoundError) as nowhere:
        campaigns.choose(
            troubled, "0451@0-0", first=FIRST, last=LAST, decision="x",
            starts_on=LAST, by="li", now=NOW,
        )  # fmt: skip
    assert nowhere.value.code == "campaign.no_point"


def test_effect_corner_gone_quiet_is_better_and_unchanged_cannot_tell(store: Store) -> None:
    store.write("incidents", spread("v", None, range(0, 180, 3), "0451"))
    store.write("incidents", spread("h", HOT, range(0, 90, 2), "0451"))
    store.write("incidents", spread("d", None, range(1, 180, 2), "0102"))
    spring = {"first": date(2026, 1, 1), "last": date(2026, 3, 31)}
    code = campaigns.ranked(store, **spring, now=NOW)["code"].iloc[0]
    campaign = campaigns.get(
        store,
        campaigns.choose(
            store, code, **spring, decision="固定摊位", starts_on=date(2026, 4, 1), by="li", now=NOW
        ),
    )
    effect = campaigns.effect(store, campaign, today=date(2026, 6, 29))
    assert effect is not None and effect.verdict == "better"
    store.write("incidents", spread("k", HOT, range(90, 180, 2), "0451"))
    same = campaigns.effect(store, campaign, today=date(2026, 6, 29))
    assert same is not None and same.verdict == "cannot_tell"
    assert np.isfinite(same.expected_after)


def test_effect_in_the_first_days_is_not_told(troubled: Store) -> None:
    campaign = campaigns.get(troubled, chosen(troubled))
    # the last incident known is of 28 June, before the measures: later days are not quiet, unknown
    assert campaigns.effect(troubled, campaign, today=date(2026, 9, 1)) is None


@pytest.mark.parametrize("day", [date(1, 1, 1), date(2026, 6, 29), date(2027, 7, 4)])
def test_choose_measures_inside_the_evidence_or_years_ahead_are_refused(
    troubled: Store, day: date
) -> None:
    with pytest.raises(ParameterError) as caught:
        chosen(troubled, starts_on=day)
    assert caught.value.code == "campaign.starts_on.range"


def test_end_twice_is_refused(troubled: Store) -> None:
    campaign = chosen(troubled)
    campaigns.end(troubled, campaign, outcome="摊位已规范", now=NOW)
    assert campaigns.get(troubled, campaign)["outcome"] == "摊位已规范"
    with pytest.raises(ConflictError) as caught:
        campaigns.end(troubled, campaign, outcome="", now=NOW)
    assert caught.value.code == "campaign.ended"
