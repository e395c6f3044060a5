"""Accounts, passwords and tokens in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.errors import ConflictError, NotFoundError, ParameterError
from geo.store import Store
from web import accounts


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "wangge.db") as opened:
        yield opened


def test_create_account_without_password_makes_one_that_signs_in(bare: Store) -> None:
    made = accounts.create_account(bare, "Ａdmin", "admin")
    assert len(made) == 19  # four groups of four and three hyphens
    sessions = accounts.session_registry(bare)
    found = accounts.find_account(sessions, "ADMIN", made)
    assert found is not None and found.role == "admin"
    assert accounts.find_account(sessions, "admin", made + "x") is None
    assert accounts.find_account(sessions, "nobody", made) is None
    sessions.remove()


def test_create_account_password_is_stored_hashed_with_argon2(bare: Store) -> None:
    accounts.create_account(bare, "admin", "admin", "correct horse battery")
    with bare.engine.connect() as connection:
        stored = connection.scalar(text("SELECT password FROM web_accounts"))
    assert stored.startswith("$argon2id$")
    assert "horse" not in stored


def test_create_account_taken_name_conflicts(bare: Store) -> None:
    accounts.create_account(bare, "min", "viewer")
    with pytest.raises(ConflictError) as caught:
        accounts.create_account(bare, " MIN ", "planner")
    assert caught.value.code == "account.name_taken"


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("", "viewer", None, "account.name"),
        ("a\nb", "viewer", None, "account.name"),
        ("x" * 65, "viewer", None, "account.name"),
        ("min", "root", None, "account.role"),
        ("min", "viewer", "short", "account.password"),
    ],
)
def test_create_account_bad_input_is_refused(
    bare: Store, name: str, role: str, password: str | None, code: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        accounts.create_account(bare, name, role, password)
    assert caught.value.code == code
    assert accounts.list_accounts(bare) == []


def test_set_password_ends_open_sessions(bare: Store) -> None:
    accounts.create_account(bare, "min", "viewer")
    before = accounts.list_accounts(bare)[0].fs_uniquifier
    accounts.set_password(bare, "min", "another long password")
    assert accounts.list_accounts(bare)[0].fs_uniquifier != before


def test_change_account_last_admin_cannot_be_lost(bare: Store) -> None:
    accounts.create_account(bare, "one", "admin")
    for change in ({"active": False}, {"role": "viewer"}):
        with pytest.raises(ConflictError) as caught:
            accounts.change_account(bare, "one", **change)  # type: ignore[arg-type]
        assert caught.value.code == "account.last_admin"
    only = accounts.list_accounts(bare)[0]
    assert only.active and only.role == "admin"
    accounts.create_account(bare, "two", "admin")
    accounts.change_account(bare, "one", active=False)
    assert [a.active for a in accounts.list_accounts(bare)] == [False, True]


def test_find_account_switched_off_cannot_sign_in(bare: Store) -> None:
    accounts.create_account(bare, "boss", "admin")
    made = accounts.create_account(bare, "min", "viewer")
    accounts.change_account(bare, "min", active=False)
    sessions = accounts.session_registry(bare)
    assert accounts.find_account(sessions, "min", made) is None
    sessions.remove()


def test_token_speaks_for_its_role_until_revoked(bare: Store) -> None:
    accounts.prepare(bare)
    made = accounts.create_token(bare, "大屏", "viewer", created_by="admin")
    sessions = accounts.session_registry(bare)
    asking = accounts.principal_of_token(sessions, made)
    assert asking is not None and (asking.name, asking.role, asking.kind) == (
        "大屏",
        "viewer",
        "token",
    )
    sessions.remove()
    (token,) = accounts.list_tokens(bare)
    assert made.rsplit("_", 1)[-1] not in token.secret_hash
    accounts.revoke_token(bare, token.id)
    assert accounts.principal_of_token(sessions, made) is None
    assert accounts.list_tokens(bare) == []
    sessions.remove()


@pytest.mark.parametrize(
    "presented", ["", "wg_", "wg_1_", "wg_１_x", "wg_999_x", "xx_1_y", "wg_-1_x"]
)
def test_token_nonsense_speaks_for_nobody(bare: Store, presented: str) -> None:
    accounts.prepare(bare)
    accounts.create_token(bare, "t", "admin", created_by="admin")
    sessions = accounts.session_registry(bare)
    assert accounts.principal_of_token(sessions, presented) is None
    sessions.remove()


def test_token_of_worker_role_is_refused(bare: Store) -> None:
    accounts.prepare(bare)
    with pytest.raises(ParameterError) as caught:
        accounts.create_token(bare, "t", "worker", created_by="admin")
    assert caught.value.code == "token.role"


def test_revoke_token_unknown_is_not_found(bare: Store) -> None:
    accounts.prepare(bare)
    with pytest.raises(NotFoundError):
        accounts.revoke_token(bare, 7)


def test_accounts_tables_leave_the_store_openable(tmp_path: Path) -> None:
    with Store.open(tmp_path / "wangge.db") as first:
        accounts.create_account(first, "min", "viewer")
    with Store.open(tmp_path / "wangge.db") as second:
        assert accounts.has_accounts(second)
