"""Texts: both languages have the same codes and placeholders; pages ask for known codes only."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from geo.errors import GridError, ParameterError
from geo.schema import LAYERS
from web import texts
from web.access import PERMISSIONS, ROLES

WEB = Path(__file__).parents[2] / "web"
ASKED_IN_TEMPLATES = re.compile(r"""\bt\('([a-z_.0-9]+)'[,)]""")
RAISED = re.compile(r'(?:Error|PermissionDenied)\(\s*"([a-z_0-9]+\.[a-z_.0-9]+)"')
ASKED_IN_CODE = re.compile(r"""translate\(\s*"([a-z_.0-9]+)"[,)]""")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_load_both_languages_have_equal_codes() -> None:
    assert set(texts.load("zh")) == set(texts.load("en"))


def test_load_both_languages_have_equal_placeholders() -> None:
    zh, en = texts.load("zh"), texts.load("en")
    unequal = {code for code in zh if placeholders(zh[code]) != placeholders(en[code])}
    assert unequal == set()


def test_load_no_text_is_empty_or_untranslated() -> None:
    zh = texts.load("zh")
    assert [code for code, words in zh.items() if not words.strip()] == []
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert [code for code, words in texts.load("en").items() if chinese.search(words)] == []


def test_templates_ask_only_for_known_codes() -> None:
    asked = {
        code
        for path in (WEB / "templates").glob("*.html")
        for code in ASKED_IN_TEMPLATES.findall(path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 80
    assert asked - set(texts.load("en")) == set()


def test_code_asks_only_for_known_codes() -> None:
    asked = {
        code
        for path in WEB.rglob("*.py")
        for code in ASKED_IN_CODE.findall(path.read_text(encoding="utf-8"))
    }
    assert asked and asked - set(texts.load("en")) == set()


def test_every_error_of_the_services_and_the_web_has_a_text() -> None:
    raised = {
        code
        for folder in (WEB, WEB.parent / "geo" / "services")
        for path in folder.rglob("*.py")
        for code in RAISED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(raised) > 20
    assert raised - set(texts.load("en")) == set()


def test_every_layer_and_role_has_a_name() -> None:
    known = texts.load("en")
    assert [name for name in LAYERS if f"layer.{name}" not in known] == []
    assert [r for r in ROLES if f"role.{r}" not in known or f"role.{r}.what" not in known] == []
    assert set(PERMISSIONS) == set(ROLES)


def test_text_missing_value_raises() -> None:
    with pytest.raises(KeyError):
        texts.text("en", "plan.unknown_code_of_this_test")


def test_text_of_error_lists_are_joined_and_missing_params_show_a_dash() -> None:
    listed = ParameterError("settings.unknown", "x", keys=["A", "B"])
    assert texts.text_of_error("en", listed) == "Unknown settings: A、B. Known are: —."


def test_text_of_error_unlisted_code_names_the_code() -> None:
    said = texts.text_of_error("en", GridError("nowhere.listed", "secret detail"))
    assert "nowhere.listed" in said
    assert "secret detail" not in said


def test_name_in_falls_back_to_the_other_language() -> None:
    assert texts.name_in("en", {"zh": "试验街道", "en": ""}) == "试验街道"
    assert texts.name_in("en", {"zh": "试验街道", "en": "Trial"}) == "Trial"
    assert texts.name_in("zh", None, "x") == "x"
