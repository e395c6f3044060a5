"""Borders and moves in words: every reason has its sentence, in both languages, all filled in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geo.planning.explain import BORDER_REASONS, MOVE_REASONS
from web.explained import Words, border_text, move_text, percent


def words(language: str, load: str = "households") -> Words:
    return Words(language, ["001", "002"], ["c0", "c1", "c2", "c3"], load, 0.05)


def border(reason: str, **changes: Any) -> dict[str, Any]:
    return {
        "one": 0,
        "other": 1,
        "length_m": 200.0,
        "barrier": "rail",
        "barrier_share": 0.0,
        "wall_share": 0.0,
        "cell": 2,
        "origin": 1,
        "to": 0,
        "load": 10.0,
        "balanced": "households",
        "deviation_origin": -0.25,
        "deviation_to": 0.25,
        "cost": 0.41,
        "reason": reason,
        **changes,
    }


def move(reason: str, **changes: Any) -> dict[str, Any]:
    return {
        "cells": (0, 2),
        "n_cells": 2,
        "load": 20.0,
        "origin": 0,
        "to": 1,
        "balanced": "households",
        "deviation_origin_before": 1 / 3,
        "deviation_origin": 0.0,
        "deviation_to_before": -1 / 3,
        "deviation_to": 0.0,
        "cost": -0.02,
        "reason": reason,
        **changes,
    }


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("reason", BORDER_REASONS)
def test_border_text_names_both_grids(language: str, reason: str) -> None:
    said = border_text(words(language), border(reason))
    assert "001" in said
    assert "002" in said
    assert "{" not in said


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("reason", MOVE_REASONS)
def test_move_text_names_the_cells(language: str, reason: str) -> None:
    said = move_text(words(language), move(reason))
    assert "c0、c2" in said
    assert "{" not in said


def test_border_text_of_balance_tells_the_figures() -> None:
    said = border_text(words("en"), border("balance"))
    assert said == (
        "The border between grids 001 and 002 keeps their loads even. The change that would matter "
        "least is c2 (10 households) from 002 to 001; then 002 would be -25% off its target and "
        "001 +25%, which does not fit the tolerance of 5%."
    )


def test_texts_of_another_load_name_it() -> None:
    said = border_text(words("zh"), border("balance", balanced="独居老人"))
    assert "“独居老人”也相当" in said
    assert "-25%" in said
    told = move_text(words("en"), move("chain", balanced="shops"))
    assert told.endswith("to even out “shops” too.")


def test_border_text_of_a_closed_barrier_needs_no_cell() -> None:
    said = border_text(words("zh"), border("barrier", cell=-1, barrier_share=1.0))
    assert said == "网格 001 与 002 之间隔着铁路，按规定网格不得跨越，所以界线只能在这里。"


def test_border_text_adds_what_lies_on_the_border_besides() -> None:
    said = border_text(words("en"), border("shape", barrier_share=0.75, wall_share=0.5))
    assert said.endswith(
        "Of this border, 75% runs along a railway. Of this border, 50% is the edge of a compound."
    )


def test_words_barrier_of_an_unlisted_class_has_the_name_of_its_kind() -> None:
    named = [words("zh").barrier(name) for name in ("road/primary", "road/byway", "moat", "")]
    assert named == ["主干路", "道路", "阻隔", "阻隔"]


def test_move_text_of_many_cells_names_the_first_and_of_no_cost_a_dash() -> None:
    said = move_text(
        words("zh", load="score"),
        move(
            "opened",
            cells=(0, 1, 2, 3),
            n_cells=4,
            cost=np.nan,
            balanced=np.nan,
            deviation_to_before=np.nan,
        ),
    )
    assert said == "c0、c1、c2 等 4 个单元，工作量 20，从网格 001 划出，归入新设的网格 002。"


def test_percent_is_signed_and_short() -> None:
    assert [percent(x) for x in (0.4, -0.0667, 0.0, -0.0002)] == ["+40%", "-6.7%", "0%", "0%"]
