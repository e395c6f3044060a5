"""Settings are read once, checked, and unknown ones refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from geo.errors import ParameterError
from web.config import Settings, secret_key_of


def test_from_env_known_keys_are_read() -> None:
    settings = Settings.from_env(
        {
            "WANGGE_DATA": "/srv/town",
            "WANGGE_TIMEZONE": "Asia/Urumqi",
            "WANGGE_LANGUAGE": "en",
            "WANGGE_BASE_URL": "https://grid.example/",
            "PATH": "/bin",
        }
    )
    assert settings.data_dir == Path("/srv/town")
    assert settings.timezone == "Asia/Urumqi"
    assert settings.language == "en"
    assert settings.base_url == "https://grid.example"
    assert settings.is_https
    assert settings.store_location == Path("/srv/town/wangge.db")


def test_from_env_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(ParameterError) as caught:
        Settings.from_env({"WANGGE_DATABSE_URL": "x"})
    assert caught.value.code == "settings.unknown"
    assert caught.value.params["keys"] == "WANGGE_DATABSE_URL"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WANGGE_LANGUAGE", "fr"),
        ("WANGGE_TIMEZONE", "Asia/Nowhere"),
        ("WANGGE_BASE_URL", "javascript:alert(1)"),
        ("WANGGE_TRUSTED_PROXIES", "-1"),
        ("WANGGE_MAX_UPLOAD_MB", "0"),
        ("WANGGE_SECRET_KEY", "short"),
    ],
)
def test_from_env_bad_value_is_refused(key: str, value: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Settings.from_env({key: value})
    assert caught.value.code == "settings.invalid"
    assert caught.value.params["key"] == key


def test_from_env_bad_secret_is_not_repeated() -> None:
    with pytest.raises(ParameterError) as caught:
        Settings.from_env({"WANGGE_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value) + str(caught.value.params)


def test_from_env_override_wins_where_given() -> None:
    settings = Settings.from_env(
        {"WANGGE_DATA": "/a", "WANGGE_LANGUAGE": "en"}, data_dir=Path("/b"), language=None
    )
    assert settings.data_dir == Path("/b")
    assert settings.language == "en"


def test_secret_key_of_folder_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    first = secret_key_of(settings)
    assert len(first) == 64
    assert secret_key_of(settings) == first
    mode = stat.S_IMODE((tmp_path / "new" / "secret-key").stat().st_mode)
    assert mode == 0o600
    assert "hidden" not in repr(Settings(data_dir=tmp_path, secret_key="hidden" * 8))
