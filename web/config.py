"""Settings: read once from the environment, checked, and never changed afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from geo.errors import ParameterError

PREFIX = "WANGGE_"
LANGUAGES = ("zh", "en")
KNOWN_KEYS = frozenset(
    {
        "WANGGE_DATA",
        "WANGGE_DATABASE_URL",
        "WANGGE_SECRET_KEY",
        "WANGGE_TIMEZONE",
        "WANGGE_LANGUAGE",
        "WANGGE_BASE_URL",
        "WANGGE_TRUSTED_PROXIES",
        "WANGGE_MAX_UPLOAD_MB",
    }
)
DEFAULT_DATA = Path("wangge-data")
DEFAULT_UPLOAD_MB = 200
SHORTEST_SECRET = 32


@dataclass(frozen=True)
class Settings:
    """What the service runs with.

    `database_url` is empty for the SQLite file of the data folder; `base_url` is the address
    people type, needed only behind a proxy or for https; `timezone` is empty to keep the town's.
    """

    data_dir: Path
    database_url: str = ""
    secret_key: str = field(default="", repr=False)
    timezone: str = ""
    language: str = "zh"
    base_url: str = ""
    trusted_proxies: int = 0
    max_upload_mb: int = DEFAULT_UPLOAD_MB
    testing: bool = False

    @property
    def store_location(self) -> str | Path:
        """What `Store.open` is given: the database URL, else the file in the data folder."""
        return self.database_url or self.data_dir / "wangge.db"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
        """Settings from WANGGE_ variables; `overrides` (a command's options) win where not None.

        Raises
        ------
        ParameterError : a WANGGE_ variable is unknown, or a value cannot be used
        """
        values = os.environ if environ is None else environ
        unknown = sorted(k for k in values if k.startswith(PREFIX) and k not in KNOWN_KEYS)
        if unknown:
            raise ParameterError(
                "settings.unknown",
                f"settings must be among {sorted(KNOWN_KEYS)}; got {unknown}. Unset them.",
                keys=", ".join(unknown),
                known=", ".join(sorted(KNOWN_KEYS)),
            )
        read: dict[str, object] = {
            "data_dir": Path(values.get("WANGGE_DATA", "") or DEFAULT_DATA),
            "database_url": values.get("WANGGE_DATABASE_URL", ""),
            "secret_key": _secret(values.get("WANGGE_SECRET_KEY", "")),
            "timezone": _timezone(values.get("WANGGE_TIMEZONE", "")),
            "language": _language(values.get("WANGGE_LANGUAGE", "") or "zh"),
            "base_url": _base_url(values.get("WANGGE_BASE_URL", "")),
            "trusted_proxies": _whole(values, "WANGGE_TRUSTED_PROXIES", 0, least=0),
            "max_upload_mb": _whole(values, "WANGGE_MAX_UPLOAD_MB", DEFAULT_UPLOAD_MB, least=1),
        }
        read.update({key: value for key, value in overrides.items() if value is not None})
        return cls(**read)  # type: ignore[arg-type]


def secret_key_of(settings: Settings) -> str:
    """The key that signs sessions: the setting, else one made once and kept in the data folder.

    The file has mode 0600; it is made by a single exclusive create, so two starts agree.
    """
    if settings.secret_key:
        return settings.secret_key
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / "secret-key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        key = secrets.token_hex(32)
        file.write(key)
    return key


def _refuse(key: str, value: str, expected: str) -> ParameterError:
    return ParameterError(
        "settings.invalid",
        f"{key} must be {expected}; got {value!r}",
        key=key,
        value=value,
        expected=expected,
    )


def _secret(value: str) -> str:
    if value and len(value) < SHORTEST_SECRET:
        raise _refuse("WANGGE_SECRET_KEY", "***", f"at least {SHORTEST_SECRET} characters")
    return value


def _timezone(value: str) -> str:
    if value:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise _refuse("WANGGE_TIMEZONE", value, "a zone such as Asia/Shanghai") from error
    return value


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise _refuse("WANGGE_LANGUAGE", value, " or ".join(LANGUAGES))
    return value


def _base_url(value: str) -> str:
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise _refuse("WANGGE_BASE_URL", value, "an address such as https://grid.example")
    return value.rstrip("/")


def _whole(values: Mapping[str, str], key: str, default: int, *, least: int) -> int:
    text = values.get(key, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise _refuse(key, text, f"a whole number of at least {least}")
    return int(text)
