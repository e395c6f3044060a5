"""What each role may see is in the frame; what it may not see is not."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.schema import LAYERS
from web.access import ROLES, SEEN_WITH, Principal, mask, own_track_rows

WORKER = Principal("w", "worker", person="W1", grids=frozenset({"01"}))


def incidents() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "incident": ["A", "B", "C"],
            "grid": ["01", "02", None],
            "reporter": ["张三", "李四", "王五"],
            "contact": ["1", "2", "3"],
            "description": ["x", "y", "z"],
            "address": ["p", "q", "r"],
        }
    )


def test_every_personal_column_has_a_permission() -> None:
    personal = {c.name for layer in LAYERS.values() for c in layer.columns if c.personal}
    assert personal - set(SEEN_WITH) == set()


@pytest.mark.parametrize(
    ("role", "columns"),
    [
        ("admin", {"reporter", "contact", "description", "address"}),
        ("dispatcher", {"reporter", "contact", "description", "address"}),
        ("planner", {"description", "address"}),
        ("supervisor", {"description", "address"}),
        ("viewer", set()),
    ],
)
def test_mask_incidents_keeps_only_what_the_role_may_see(role: str, columns: set[str]) -> None:
    shown = mask(incidents(), "incidents", Principal("n", role))
    assert set(shown.columns) == {"incident", "grid"} | columns


def test_mask_incidents_worker_sees_reporters_of_own_grid_only() -> None:
    shown = mask(incidents(), "incidents", WORKER)
    assert shown["reporter"].tolist()[0] == "张三"
    assert shown["reporter"].isna().tolist() == [False, True, True]
    assert shown["contact"].isna().tolist() == [False, True, True]
    assert shown["description"].tolist() == ["x", "y", "z"]


def test_mask_leaves_its_argument_alone() -> None:
    frame = incidents()
    mask(frame, "incidents", WORKER)
    pd.testing.assert_frame_equal(frame, incidents())


@pytest.mark.parametrize("role", ROLES)
def test_mask_grids_worker_names_by_role(role: str) -> None:
    frame = pd.DataFrame(
        {"grid": ["01", "02"], "worker": ["W1", "W2"], "worker_name": ["王一", "李二"]}
    )
    asking = WORKER if role == "worker" else Principal("n", role)
    shown = mask(frame, "grids", asking)
    if role == "viewer":
        assert list(shown.columns) == ["grid"]
    elif role == "worker":
        assert shown["worker_name"].tolist()[0] == "王一"
        assert shown["worker_name"].isna().tolist() == [False, True]
        assert shown["worker"].isna().tolist() == [False, True]
    else:
        assert shown["worker_name"].tolist() == ["王一", "李二"]


def test_mask_empty_frame_stays_empty() -> None:
    assert mask(incidents().iloc[:0], "incidents", WORKER).empty


def test_own_track_rows_worker_gets_own_rounds_only() -> None:
    tracks = pd.DataFrame({"patrol": ["p1", "p2", "p3"], "worker": ["W1", "W2", None]})
    assert own_track_rows(tracks, WORKER)["patrol"].tolist() == ["p1"]
    assert own_track_rows(tracks, Principal("n", "viewer")).empty
    assert len(own_track_rows(tracks, Principal("n", "supervisor"))) == 3


def test_sight_differs_between_workers_and_roles() -> None:
    other = Principal("v", "worker", person="W2", grids=frozenset({"02"}))
    assert WORKER.sight != other.sight
    assert Principal("a", "viewer").sight == Principal("b", "viewer", kind="token").sight
