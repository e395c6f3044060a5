"""The texts people read, in two languages, looked up by code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from geo.errors import GridError
from web.config import LANGUAGES


@cache
def load(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted code."""
    content = (files("web") / "texts" / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(content)


def text(language: str, code: str, /, **params: Any) -> str:
    """The text of a code with its placeholders filled.

    Raises
    ------
    KeyError : no such code, or a placeholder without a value
    """
    return load(language)[code].format_map({k: _plain(v) for k, v in params.items()})


def error_text(language: str, code: str, params: Mapping[str, Any]) -> str:
    """The text of an error's code; a general sentence that names the code when none is written.

    Where a label of a page has the same code, the error's text stands under `error.` and the code.
    """
    texts = load(language)
    template = texts.get(f"error.{code}") or texts.get(code)
    if template is None:
        return text(language, "error.unlisted", code=code)
    told = {name: _plain(value) for name, value in params.items()}
    if "layer" in told:
        told["layer"] = texts.get(f"layer.{told['layer']}", told["layer"])
    return template.format_map(_Lenient(told))


def text_of_error(language: str, error: GridError) -> str:
    """What people read about this error."""
    return error_text(language, error.code, error.params)


def name_in(language: str, names: Mapping[str, Any] | str | None, fallback: str = "") -> str:
    """The name in that language from a {zh, en} mapping, else in the other one."""
    if isinstance(names, str):
        return names
    if not names:
        return fallback
    other = next(known for known in LANGUAGES if known != language)
    return str(names.get(language) or names.get(other) or fallback)


class _Lenient(dict[str, Any]):
    """Params of an error: one that is missing shows as a dash instead of failing the page."""

    def __missing__(self, key: str) -> str:
        return "—"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return "、".join(str(part) for part in value)
    return value
