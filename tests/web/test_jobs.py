"""Background work: what is asked for, shown, cancelled, and found broken off."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo.errors import ParameterError
from geo.store import Store
from web.config import Settings
from web.jobs import Handle, Jobs

ClientOf = Callable[[str], FlaskClient]


def steady(handle: Handle) -> dict[str, Any]:
    """Work for up to 10 s, stopping when asked."""
    for part in range(200):
        handle.progress(part / 200, "job.step.partition")
        time.sleep(0.05)
    return {"parts": 200}


def bad_input(_handle: Handle) -> dict[str, Any]:
    raise ParameterError("plan.target", "target must be positive", target=-1)


def broken(_handle: Handle) -> dict[str, Any]:
    raise RuntimeError("the secret inside")


def quick(handle: Handle) -> dict[str, Any]:
    handle.progress(0.5, "job.step.store")
    return {"echo": handle.params["word"]}


KINDS = {"steady": steady, "bad": bad_input, "broken": broken, "quick": quick}


def jobs_over(folder: Path, store: Store, *, at_once: bool) -> Jobs:
    return Jobs(Settings(data_dir=folder, secret_key="k" * 40, testing=at_once), store, KINDS)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "wangge.db") as opened:
        yield opened


def wait_for(jobs: Jobs, job: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        row = jobs.get(job)
        if row["state"] in states:
            return row
        time.sleep(0.05)
    raise AssertionError(f"still {row['state']} after 20 s")


def test_ask_keeps_who_and_what_and_the_result(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=True)
    row = jobs.get(jobs.ask("quick", {"word": "网格"}, asked_by="min"))
    assert row["state"] == "done" and row["progress"] == 1.0
    assert row["result"] == {"echo": "网格"}
    assert row["asked_by"] == "min" and row["params"] == {"word": "网格"}
    assert row["ended_at"] >= row["created_at"]


def test_run_error_of_the_house_is_kept_by_code(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=True)
    row = jobs.get(jobs.ask("bad", {}, asked_by="min"))
    assert row["state"] == "failed"
    assert row["result"] == {"error": {"code": "plan.target", "params": {"target": "-1"}}}


def test_run_unknown_failure_keeps_only_a_reference(
    tmp_path: Path, bare: Store, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=True)
    row = jobs.get(jobs.ask("broken", {}, asked_by="min"))
    error = row["result"]["error"]
    assert row["state"] == "failed" and error["code"] == "error.unknown"
    assert "secret" not in str(row)
    assert error["params"]["reference"] in caplog.text and "the secret inside" in caplog.text


def test_start_works_in_the_background_and_cancel_stops_it(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=False)
    first = jobs.ask("steady", {}, asked_by="min")
    second = jobs.ask("quick", {"word": "x"}, asked_by="min")
    third = jobs.ask("quick", {"word": "y"}, asked_by="min")
    jobs.cancel(third)
    jobs.start()
    try:
        wait_for(jobs, first, "running")
        assert jobs.get(second)["state"] == "queued"
        jobs.cancel(first)
        assert wait_for(jobs, first, "cancelled", "done")["state"] == "cancelled"
        assert wait_for(jobs, second, "done")["result"] == {"echo": "x"}
        time.sleep(0.2)
        assert jobs.get(third)["state"] == "cancelled"
    finally:
        jobs.stop()


def test_stop_ends_the_job_under_way(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=False)
    job = jobs.ask("steady", {}, asked_by="min")
    jobs.start()
    wait_for(jobs, job, "running")
    jobs.stop()
    assert jobs.get(job)["state"] == "cancelled"


def test_start_after_a_crash_marks_lost_jobs_failed_and_runs_waiting_ones(
    tmp_path: Path, bare: Store
) -> None:
    before = jobs_over(tmp_path, bare, at_once=False)
    running = before.ask("steady", {}, asked_by="min")
    assert before.queue.dequeue() is not None  # a worker took it, then the machine went down
    bare.update("jobs", {"state": "running"}, where={"job": running})
    taken = before.ask("steady", {}, asked_by="min")
    assert before.queue.dequeue() is not None  # taken, but never marked running
    waiting = before.ask("quick", {"word": "z"}, asked_by="min")

    after = jobs_over(tmp_path, bare, at_once=False)
    after.start()
    try:
        for job in (running, taken):
            row = after.get(job)
            assert row["state"] == "failed"
            assert row["result"]["error"]["code"] == "job.interrupted"
        assert wait_for(after, waiting, "done")["result"] == {"echo": "z"}
    finally:
        after.stop()


def test_cancel_waiting_job_deletes_its_upload(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=False)
    folder = tmp_path / "uploads" / "u1"
    folder.mkdir(parents=True)
    (folder / "事件.csv").write_text("张三")
    job = jobs.ask("quick", {"word": "", "upload": "u1"}, asked_by="min")
    assert folder.is_dir()
    jobs.cancel(job)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_cancel_ended_job_changes_nothing(tmp_path: Path, bare: Store) -> None:
    jobs = jobs_over(tmp_path, bare, at_once=True)
    job = jobs.ask("quick", {"word": "x"}, asked_by="min")
    jobs.cancel(job)
    assert jobs.get(job)["state"] == "done"


def job_of(answer: Any) -> str:
    assert answer.status_code == 302, answer.text
    return str(answer.location).rsplit("/", 1)[-1]


def test_plan_form_makes_a_published_plan(client_of: ClientOf, store: Store) -> None:
    client = client_of("planner")
    answer = client.post(
        "/plans/new",
        data={
            "target": "50",
            "tolerance": "50",
            "seed": "1",
            "name": "新方案",
            "effective_from": "2026-12-01",
        },
    )
    job = job_of(answer)
    page = client.get(f"/jobs/{job}", headers={"Accept-Language": "en"})
    assert "The new plan is stored" in page.text, page.text
    assert "could not be kept within" not in page.text  # 40 and 60 lie within 50% of 50
    plans = store.read("plans", where={"name": "新方案"})
    assert plans["status"].tolist() == ["published"]
    assert store.count("grids", where={"plan": str(plans["plan"].iloc[0])}) == 2
    state = client.get(f"/api/v1/jobs/{job}").json
    assert state is not None and (state["state"], state["progress"]) == ("done", 1.0)


def test_plan_form_beyond_tolerance_is_said(client_of: ClientOf) -> None:
    client = client_of("planner")
    form = {
        "target": "50",
        "tolerance": "5",
        "seed": "1",
        "name": "",
        "effective_from": "2026-12-01",
    }
    page = client.get(
        f"/jobs/{job_of(client.post('/plans/new', data=form))}", headers={"Accept-Language": "en"}
    )
    assert "could not be kept within 5.0%" in page.text  # one building of 40, one of 60: 20% off


def test_coverage_form_computes_what_was_passed(client_of: ClientOf, store: Store) -> None:
    client = client_of("supervisor")
    job = job_of(client.post("/patrols/new", data={"reach_m": "20"}))
    assert "/patrols/" in client.get(f"/jobs/{job}").text
    assert store.count("coverage") > 0
    by_grid = client.get("/api/v1/coverage.json?day=2026-07-01").json
    assert by_grid is not None
    assert {row["grid"] for row in by_grid["grids"]} == {"01", "02"}
    assert 0 < by_grid["share"] <= 1


def test_upload_imports_good_rows_and_gives_back_the_others(
    app: Flask, client_of: ClientOf, store: Store
) -> None:
    client = client_of("planner")
    rows = (
        "编号,类别,状态,上报时间,经度,纬度\r\n"
        "N1,0151,已上报,2026-07-02 08:00,126.0005,43.7879\r\n"
        "N2,0151,已上报,不是时间,126.0005,43.7879\r\n"
    )
    answer = client.post(
        "/admin/import",
        data={
            "layer": "incidents",
            "datum": "wgs84",
            "file": (io.BytesIO(rows.encode("gb18030")), "../事件.csv"),
        },
    )
    job = job_of(answer)
    page = client.get(f"/jobs/{job}", headers={"Accept-Language": "zh"}).text
    assert "事件.csv" in page and "退回清单" in page, page
    (log,) = store.read("imports").to_dict("records")
    assert (log["read"], log["accepted"], log["rejected"]) == (2, 1, 1)
    # 08:00 on the town's clock is midnight UTC
    stored = store.read("incidents", where={"incident": "N1"})["reported_at"].iloc[0]
    assert stored == pd.Timestamp("2026-07-02T00:00Z")
    address = f"/admin/rejects/{log['rejects_file']}"
    with client.get(address, headers={"Accept-Language": "zh"}) as rejects:
        said = rejects.data.decode("utf-8-sig").splitlines()
    assert said[0] == "行号,列,原因,原值,代码"
    line, column, reason, value, code = said[1].split(",")
    assert (line, column, value) == ("2", "reported_at", "不是时间")
    assert reason and reason != code
    uploads = app.extensions["wangge.settings"].data_dir / "uploads"
    assert list(uploads.iterdir()) == []


def test_upload_unreadable_file_is_a_failed_job_with_a_reason(
    client_of: ClientOf, store: Store
) -> None:
    client = client_of("planner")
    answer = client.post(
        "/admin/import",
        data={"layer": "buildings", "file": (io.BytesIO(b""), "empty.geojson")},
    )
    page = client.get(f"/jobs/{job_of(answer)}", headers={"Accept-Language": "en"}).text
    assert 'role="alert"' in page
    assert store.count("buildings") == 2


def test_job_page_and_state_need_the_permission_to_ask_for_it(
    app: Flask, client_of: ClientOf
) -> None:
    job = app.extensions["wangge.jobs"].ask("coverage", {"reach_m": 20.0}, asked_by="admin")
    viewer = client_of("viewer")
    assert viewer.get(f"/jobs/{job}").status_code == 403
    assert viewer.get(f"/api/v1/jobs/{job}").status_code == 403
    assert viewer.post(f"/jobs/{job}/cancel").status_code == 403
    assert client_of("supervisor").get(f"/jobs/{job}").status_code == 200
    assert viewer.get("/jobs/J0").status_code == 404
