"""The office's own room: imports, accounts and tokens."""

from __future__ import annotations

import csv
import io
import secrets
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import GridError, NotFoundError, ParameterError
from geo.schema import LAYERS
from web import accounts
from web.access import ROLES
from web.jobs import upload_folder
from web.language import current_language, translate
from web.pages import forms
from web.reach import jobs, settings, store
from web.security import needs, require_principal
from web.texts import error_text, text, text_of_error

room = Blueprint("admin", __name__, url_prefix="/admin")

IMPORT_LAYERS = tuple(layer.name for layer in LAYERS.values() if layer.importable)
DATUMS = ("wgs84", "gcj02", "bd09", "cgcs2000")
RECENT_IMPORTS = 20


@room.get("/")
@needs("layers.import")
def imports() -> ResponseReturnValue:
    """The upload form and the latest imports."""
    return _imports_page()


@room.post("/import")
@needs("layers.import")
def upload() -> ResponseReturnValue:
    """Keep the uploaded file and import it as a job."""
    try:
        params = _kept_upload()
    except GridError as error:
        return _imports_page(problem=text_of_error(current_language(), error)), 400
    job = jobs().ask("import", params, asked_by=require_principal().name)
    return redirect(url_for("jobs.show", job=job))


@room.get("/rejects/<name>")
@needs("layers.import")
def rejects(name: str) -> ResponseReturnValue:
    """The refused rows of an import as a CSV file."""
    if not store().count("imports", where={"rejects_file": name}):
        raise NotFoundError("import.no_rejects", f"no import has rejects {name}", name=name)
    path = settings().data_dir.resolve() / "rejects" / Path(name).name
    if not path.is_file():
        raise NotFoundError("import.no_rejects", f"the file {name} is gone", name=name)
    response = Response(_with_reasons(path, current_language()), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=path.name)
    return response


@room.get("/accounts")
@needs("accounts.manage")
def account_list() -> ResponseReturnValue:
    """All accounts, and the form for a new one."""
    return _accounts_page()


@room.post("/accounts")
@needs("accounts.manage")
def account_add() -> ResponseReturnValue:
    """A new account; its made password is shown on the answer and never again."""
    name, role = forms.line("name"), forms.line("role")
    try:
        made = accounts.create_account(store(), name, role, person=forms.line("person") or None)
    except GridError as error:
        return _accounts_page(problem=text_of_error(current_language(), error)), 400
    return _accounts_page(shown={"name": accounts.normal_name(name), "password": made})


@room.post("/accounts/<name>")
@needs("accounts.manage")
def account_change(name: str) -> ResponseReturnValue:
    """Change an account's role or state, or give it a new password."""
    action = request.form.get("action", "")
    try:
        if action == "password":
            made = accounts.set_password(store(), name)
            return _accounts_page(shown={"name": name, "password": made})
        if action == "role":
            accounts.change_account(
                store(), name, role=forms.line("role"), person=forms.line("person")
            )
        elif action in ("switch_on", "switch_off"):
            accounts.change_account(store(), name, active=action == "switch_on")
        else:
            raise ParameterError("form.action", f"unknown action {action!r}", action=action)
    except GridError as error:
        return _accounts_page(problem=text_of_error(current_language(), error)), 400
    flash(translate("account.changed", name=name))
    return redirect(url_for("admin.account_list"))


@room.get("/tokens")
@needs("tokens.manage")
def token_list() -> ResponseReturnValue:
    """Tokens in use, and the form for a new one."""
    return _tokens_page()


@room.post("/tokens")
@needs("tokens.manage")
def token_add() -> ResponseReturnValue:
    """A new token, shown on the answer and never again."""
    try:
        made = accounts.create_token(
            store(), forms.line("name"), forms.line("role"), created_by=require_principal().name
        )
    except GridError as error:
        return _tokens_page(problem=text_of_error(current_language(), error)), 400
    return _tokens_page(shown=made)


@room.post("/tokens/<int:token>/revoke")
@needs("tokens.manage")
def token_revoke(token: int) -> ResponseReturnValue:
    """End a token."""
    accounts.revoke_token(store(), token)
    flash(translate("token.revoked"))
    return redirect(url_for("admin.token_list"))


def _with_reasons(path: Path, language: str) -> Iterator[str]:
    """The lines of a rejects file, each with its reason in words, for a spreadsheet."""
    names = ("line", "column", "reason", "value", "code")
    yield "\ufeff" + _csv_line([text(language, f"rejects.{name}") for name in names])
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            reason = error_text(language, row["code"], {})
            yield _csv_line([row["line"], row["column"], reason, row["value"], row["code"]])


def _csv_line(values: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _kept_upload() -> dict[str, str]:
    """The job's parameters, after the file is kept in a folder of its own."""
    layer, datum = forms.line("layer"), forms.line("datum")
    if layer not in IMPORT_LAYERS:
        raise ParameterError("import.layer_unknown", f"cannot import layer {layer!r}", layer=layer)
    if datum and datum not in DATUMS:
        raise ParameterError("import.datum_unknown", f"unknown datum {datum!r}", datum=datum)
    file = request.files.get("file")
    if file is None or not file.filename:
        raise ParameterError("import.no_file", "a file must be chosen; got none")
    name = _file_name(file.filename)
    upload = secrets.token_hex(8)
    folder = upload_folder(settings(), upload)
    folder.mkdir(parents=True)
    file.save(folder / name)
    return {
        "upload": upload,
        "file": name,
        "layer": layer,
        "datum": datum,
        "crs": forms.line("crs", longest=64),
        "source_layer": forms.line("source_layer"),
    }


def _file_name(given: str) -> str:
    """The file's own name without folders or letters that a file system could trip over."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(letter for letter in last if letter.isprintable() and letter not in '<>:"|?*')
    kept = kept.strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    return f"{(stem or 'file')[:80]}{dot}{suffix[:12]}" if dot else (kept[:80] or "file")


def _imports_page(*, problem: str = "") -> str:
    recent = store().read("imports", order_by=["-at"], limit=RECENT_IMPORTS)
    return render_template(
        "admin_imports.html",
        room="admin",
        tab="imports",
        may=require_principal().may,
        layers=IMPORT_LAYERS,
        datums=DATUMS,
        chosen=request.form.get("layer") or request.args.get("layer", ""),
        recent=recent.astype("object").where(recent.notna(), None).to_dict("records"),
        max_mb=settings().max_upload_mb,
        problem=problem,
    )


def _accounts_page(*, problem: str = "", shown: dict[str, str] | None = None) -> str:
    return render_template(
        "admin_accounts.html",
        room="admin",
        tab="accounts",
        may=require_principal().may,
        accounts=accounts.list_accounts(store()),
        roles=ROLES,
        problem=problem,
        shown=shown,
    )


def _tokens_page(*, problem: str = "", shown: str = "") -> str:
    return render_template(
        "admin_tokens.html",
        room="admin",
        tab="tokens",
        may=require_principal().may,
        tokens=accounts.list_tokens(store()),
        roles=[role for role in ROLES if role != "worker"],
        site=settings().base_url or request.host_url.rstrip("/"),
        problem=problem,
        shown=shown,
    )
