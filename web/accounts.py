"""Accounts, roles and tokens: their tables, and what may be done with them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime

from flask_security import RoleMixin, SQLAlchemySessionUserDatastore, UserMixin
from passlib.context import CryptContext
from sqlalchemy import Column, ForeignKey, String, Table, func, inspect, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

from geo.errors import ConflictError, NotFoundError, ParameterError
from geo.store import Store
from web.access import ROLES, Principal

SHORTEST_PASSWORD = 10
LONGEST_NAME = 64
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of made passwords: none that are easily taken for another."""

HASHING = CryptContext(schemes=["argon2"])


class Base(DeclarativeBase):
    """The accounts' own tables, beside the layers in the same database."""


_held_roles = Table(
    "web_account_roles",
    Base.metadata,
    Column("account_id", ForeignKey("web_accounts.id"), primary_key=True),
    Column("role_id", ForeignKey("web_roles.id"), primary_key=True),
)


class Role(Base, RoleMixin):
    """One of the roles of `web.access.ROLES`."""

    __tablename__ = "web_roles"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)


class Account(Base, UserMixin):
    """Somebody who signs in with a name and a password."""

    __tablename__ = "web_accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    person: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_login_at: Mapped[datetime | None] = mapped_column()  # type: ignore[assignment]
    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]
        secondary=_held_roles, lazy="joined"
    )

    @property
    def role(self) -> str:
        """The one role of the account."""
        return self.roles[0].name if self.roles else "viewer"


class Token(Base):
    """A key for another system. Only its hash is kept."""

    __tablename__ = "web_tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    role: Mapped[str] = mapped_column(String(32))
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str] = mapped_column(String(LONGEST_NAME))
    revoked: Mapped[bool] = mapped_column(default=False)


def prepare(store: Store) -> None:
    """Make the tables and the roles where they are missing."""
    with Session(store.engine) as session:
        if inspect(session.connection()).has_table(Token.__tablename__):
            return
    with _writing(store) as session:
        Base.metadata.create_all(session.connection())
        known = set(session.scalars(select(Role.name)))
        session.add_all(Role(name=name) for name in ROLES if name not in known)
        session.commit()


def _writing(store: Store) -> Session:
    """A session whose transaction may write from its start, as the store's own do."""
    return Session(store.engine.execution_options(wangge_writes=True))


def session_registry(store: Store) -> scoped_session[Session]:
    """One session per thread over the store's engine."""
    return scoped_session(sessionmaker(store.engine))


def datastore(sessions: scoped_session[Session]) -> SQLAlchemySessionUserDatastore:
    """What the accounts library reads users from."""
    return SQLAlchemySessionUserDatastore(sessions, Account, Role)


def create_account(
    store: Store, name: str, role: str, password: str | None = None, *, person: str | None = None
) -> str:
    """The password of a new account: the given one, or a made one that is shown only here.

    Parameters
    ----------
    name : what the person signs in with; case and width of letters do not matter
    role : one of `web.access.ROLES`
    person : roster code of a worker, so that the account sees its own grids' names

    Raises
    ------
    ParameterError : unknown role, empty or overlong name, password too short
    ConflictError : the name is taken
    """
    prepare(store)
    wanted = normal_name(name)
    _check_role(role)
    made = _checked_password(password)
    with _writing(store) as session:
        if session.scalar(select(Account.id).where(Account.username == wanted)) is not None:
            raise ConflictError(
                "account.name_taken", f"an account named {wanted} is there already", name=wanted
            )
        session.add(
            Account(
                username=wanted,
                password=HASHING.hash(made),
                fs_uniquifier=secrets.token_hex(32),
                person=person or None,
                active=True,
                roles=[session.scalars(select(Role).where(Role.name == role)).one()],
            )
        )
        session.commit()
    return made


def set_password(store: Store, name: str, password: str | None = None) -> str:
    """The new password of an account; its open sessions end."""
    made = _checked_password(password)
    with _writing(store) as session:
        account = _account(session, name)
        account.password = HASHING.hash(made)
        account.fs_uniquifier = secrets.token_hex(32)
        session.commit()
    return made


def change_account(
    store: Store,
    name: str,
    *,
    role: str | None = None,
    active: bool | None = None,
    person: str | None = None,
) -> None:
    """Give an account another role, person or state; switched off, its sessions end.

    Raises
    ------
    ConflictError : nobody would be left who can manage accounts
    """
    with _writing(store) as session:
        account = _account(session, name)
        if role is not None:
            _check_role(role)
            account.roles = [session.scalars(select(Role).where(Role.name == role)).one()]
        if active is not None:
            account.active = active
            account.fs_uniquifier = secrets.token_hex(32)
        if person is not None:
            account.person = person or None
        session.flush()
        if not any(a.active and a.role == "admin" for a in _all_accounts(session)):
            raise ConflictError(
                "account.last_admin",
                f"{account.username} is the last active administrator; make another one first",
                name=account.username,
            )
        session.commit()


def list_accounts(store: Store) -> list[Account]:
    """All accounts by name, detached from the database."""
    with Session(store.engine, expire_on_commit=False) as session:
        accounts = _all_accounts(session)
        session.expunge_all()
        return accounts


def has_accounts(store: Store) -> bool:
    """Whether anybody can sign in at all."""
    with Session(store.engine) as session:
        return session.scalar(select(Account.id).limit(1)) is not None


def find_account(session: scoped_session[Session], name: str, password: str) -> Account | None:
    """The active account of that name and password, else None; as slow for unknown names."""
    try:
        wanted = normal_name(name)
    except ParameterError:
        wanted = ""
    account = session.scalars(select(Account).where(Account.username == wanted)).unique().first()
    if account is None:
        HASHING.hash(_plain(password))
        return None
    is_right = HASHING.verify(_plain(password), account.password)
    return account if is_right and account.active else None


def record_login(store: Store, name: str, *, at: datetime) -> None:
    """Keep when an account last signed in (UTC)."""
    with _writing(store) as session:
        _account(session, name).last_login_at = at.replace(tzinfo=None)
        session.commit()


def create_token(store: Store, name: str, role: str, *, created_by: str) -> str:
    """A new token for another system; only its hash is stored, so it is shown only here.

    Raises
    ------
    ParameterError : unknown role, empty name, or the worker role, which needs a person
    """
    _check_role(role)
    if role == "worker":
        raise ParameterError(
            "token.role", "a token cannot have the role worker; use viewer", role=role
        )
    secret = secrets.token_urlsafe(32)
    with _writing(store) as session:
        token = Token(
            name=normal_name(name), role=role, secret_hash=_hash(secret), created_by=created_by
        )
        session.add(token)
        session.commit()
        return f"wg_{token.id}_{secret}"


def list_tokens(store: Store) -> list[Token]:
    """Tokens that are not revoked, newest first."""
    with Session(store.engine, expire_on_commit=False) as session:
        rows = select(Token).where(Token.revoked.is_(False)).order_by(Token.id.desc())
        tokens = list(session.scalars(rows))
        session.expunge_all()
        return tokens


def revoke_token(store: Store, token_id: int) -> None:
    """End a token."""
    with _writing(store) as session:
        token = session.get(Token, token_id)
        if token is None:
            raise NotFoundError("token.unknown", f"there is no token {token_id}", token=token_id)
        token.revoked = True
        session.commit()


def principal_of_token(session: scoped_session[Session], presented: str) -> Principal | None:
    """Who a presented token speaks for, else None."""
    prefix, _, rest = presented.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != "wg" or not number.isascii() or not number.isdigit() or len(number) > 9:
        return None
    token = session.get(Token, int(number))
    if token is None or token.revoked or not hmac.compare_digest(token.secret_hash, _hash(secret)):
        return None
    return Principal(token.name, token.role, kind="token")


def normal_name(name: str) -> str:
    """The name as stored: compatible letters folded (NFKC), lower case, no space around."""
    normal = unicodedata.normalize("NFKC", name).strip().lower()
    is_good = 0 < len(normal) <= LONGEST_NAME and all(letter.isprintable() for letter in normal)
    if not is_good:
        raise ParameterError(
            "account.name",
            f"a name must have 1 to {LONGEST_NAME} printable characters",
            longest=LONGEST_NAME,
        )
    return normal


def _all_accounts(session: Session) -> list[Account]:
    return list(session.scalars(select(Account).order_by(Account.username)).unique())


def _account(session: Session, name: str) -> Account:
    account = (
        session.scalars(select(Account).where(Account.username == normal_name(name)))
        .unique()
        .first()
    )
    if account is None:
        raise NotFoundError("account.unknown", f"there is no account {name}", name=name)
    return account


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise ParameterError(
            "account.role",
            f"the role must be one of {', '.join(ROLES)}; got {role!r}",
            role=role,
            roles=", ".join(ROLES),
        )


def _checked_password(password: str | None) -> str:
    if password is None:
        groups = ("".join(secrets.choice(PASSWORD_LETTERS) for _ in range(4)) for _ in range(4))
        return "-".join(groups)
    plain = _plain(password)
    if not SHORTEST_PASSWORD <= len(plain) <= 200:
        raise ParameterError(
            "account.password",
            f"a password must have {SHORTEST_PASSWORD} to 200 characters",
            shortest=SHORTEST_PASSWORD,
        )
    return plain


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)[:200]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
