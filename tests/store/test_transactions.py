"""All or nothing: when a block fails, when a process is killed, when many work at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from geo.errors import ConflictError, StoreError
from geo.store import Store, check

ROOT = Path(__file__).parents[2]


def _codes(*grids: str, issued_by: str = "P1") -> pd.DataFrame:
    return pd.DataFrame({"grid": list(grids), "issued_by": issued_by})


def _grids(store: Store) -> list[str]:
    return store.read("grid_codes")["grid"].tolist()


def test_transaction_that_ends_well_keeps_all_its_writes(store: Store) -> None:
    with store.transaction():
        store.write("grid_codes", _codes("a"))
        store.set_setting("next", 2)
        assert _grids(store) == ["a"]
    assert (_grids(store), store.get_setting("next")) == (["a"], 2)


def test_transaction_that_raises_leaves_nothing(store: Store) -> None:
    store.write("grid_codes", _codes("a"))
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.write("grid_codes", _codes("b"))
        store.delete("grid_codes", where={"grid": "a"})
        store.update("grid_codes", {"issued_by": "P2"}, where={})
        store.set_setting("next", 2)
        _ = 1 / 0
    found = store.read("grid_codes")
    assert found[["grid", "issued_by"]].to_numpy().tolist() == [["a", "P1"]]
    assert (store.get_setting("next"), store.revision("grid_codes")) == (None, 1)


def test_transaction_inside_another_joins_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        with store.transaction():
            store.write("grid_codes", _codes("a"))
        _ = 1 / 0
    assert _grids(store) == []


def test_transaction_inside_another_that_raises_undoes_its_own_part(store: Store) -> None:
    with store.transaction():
        store.write("grid_codes", _codes("a"))
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.write("grid_codes", _codes("b"))
            _ = 1 / 0
        store.write("grid_codes", _codes("c"))
    assert _grids(store) == ["a", "c"]


def test_transaction_goes_on_after_a_write_that_failed(store: Store) -> None:
    with store.transaction():
        store.write("grid_codes", _codes("a"))
        with pytest.raises(ConflictError):
            store.write("grid_codes", _codes("b", "a"))
        store.write("grid_codes", _codes("c"))
    assert _grids(store) == ["a", "c"]


def test_transaction_is_unseen_by_others_until_its_end(store: Store) -> None:
    with store.transaction(), ThreadPoolExecutor(1) as other:
        store.write("grid_codes", _codes("a"))
        assert other.submit(_grids, store).result() == []
    assert _grids(store) == ["a"]


def test_reading_keeps_to_one_state_over_several_statements(store: Store) -> None:
    count = sa.select(sa.func.count()).select_from(store.backend.tables.layers["grid_codes"])
    with store.backend.reading() as connection:
        assert connection.scalar(count) == 0
        store.write("grid_codes", _codes("a"))
        assert connection.scalar(count) == 0
    assert store.count("grid_codes") == 1


def test_stream_inside_a_transaction_sees_its_writes(store: Store) -> None:
    with store.transaction():
        store.write("grid_codes", _codes("a", "b", "c"))
        assert [len(chunk) for chunk in store.stream("grid_codes", chunk_rows=2)] == [2, 1]


def test_writes_of_many_threads_all_arrive_while_others_read(store: Store) -> None:
    """Eight readers (waitress's threads) see whole pairs only; two writers wait in turn."""
    n_writes = 8
    is_over = threading.Event()

    def write(prefix: str) -> None:
        for i in range(n_writes):
            with store.transaction():
                store.write("grid_codes", _codes(f"{prefix}{i}-left"))
                store.write("grid_codes", _codes(f"{prefix}{i}-right"))

    def read() -> int:
        n_reads = 0
        while not is_over.is_set() or n_reads == 0:
            assert len(store.read("grid_codes", columns=["grid"])) % 2 == 0
            assert sum(len(chunk) for chunk in store.stream("grid_codes", chunk_rows=7)) % 2 == 0
            n_reads += 1
        return n_reads

    with ThreadPoolExecutor(10) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        writers = [pool.submit(write, prefix) for prefix in "ab"]
        try:
            for writer in writers:
                writer.result()
        finally:
            is_over.set()
        assert all(reader.result() > 0 for reader in readers)
    assert store.count("grid_codes") == 2 * 2 * n_writes
    assert store.revision("grid_codes") == 2 * 2 * n_writes


def test_transactions_that_read_then_write_lose_no_update(store: Store) -> None:
    store.set_setting("counter", 0)

    def count_up(_: int) -> None:
        with store.transaction():
            store.set_setting("counter", store.get_setting("counter") + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(24)))
    assert store.get_setting("counter") == 24


def test_write_while_another_holds_the_store_too_long_says_busy(
    address: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"geo.store.{backend}.BUSY_S", 1)
    with (
        Store.open(address) as store,
        ThreadPoolExecutor(1) as other,
        store.transaction(),
        pytest.raises(StoreError) as caught,
    ):
        other.submit(store.write, "grid_codes", _codes("a")).result()
    assert caught.value.code == "store.busy"


_WRITER = """
import sys
import pandas as pd
from geo.store import Store

def codes(prefix, n):
    return pd.DataFrame({"grid": [f"{prefix}{i}" for i in range(n)], "issued_by": "P"})

store = Store.open(sys.argv[1])
store.write("grid_codes", codes("kept", 3))
print("kept", flush=True)
if sys.argv[2] == "inside":
    with store.transaction():
        store.write("grid_codes", codes("lost", 5000))
        print("inside", flush=True)
        sys.stdin.read()
for i in range(10_000):
    with store.transaction():
        store.write("grid_codes", codes(f"left{i}-", 1))
        store.write("grid_codes", codes(f"right{i}-", 1))
    print("more", flush=True)
"""


def _writer(address: str, where: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, address, where],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("where", ["inside", "anywhere"])
def test_store_after_its_process_was_killed_holds_the_last_committed_state(
    address: str, where: str
) -> None:
    with _writer(address, where) as writer:
        assert writer.stdout is not None
        for _ in range(2 if where == "inside" else 8):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
    with Store.open(address) as store:
        grids = set(_grids(store))
        assert {"kept0", "kept1", "kept2"} <= grids
        assert not any(grid.startswith("lost") for grid in grids)
        left = {grid.removeprefix("left") for grid in grids if grid.startswith("left")}
        right = {grid.removeprefix("right") for grid in grids if grid.startswith("right")}
        # Seven lines after "kept" were printed, so at least seven pairs were committed.
        assert left == right
        assert len(left) >= (0 if where == "inside" else 7)
        assert check(store) == []
        store.write("grid_codes", _codes("after"))


def test_open_by_several_processes_at_once_makes_one_store(empty_address: str) -> None:
    opening = "import sys; from geo.store import Store; Store.open(sys.argv[1]).close()"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", opening, empty_address],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    ended = [(process.communicate()[1], process.returncode) for process in started]
    assert [status for _, status in ended] == [0, 0], ended
    with Store.open(empty_address) as store:
        assert check(store) == []


def test_engine_serves_tables_of_others_beside_the_layers(address: str) -> None:
    """Accounts live in tables of their own, made through `engine`."""
    accounts = sa.Table("account", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True))
    with Store.open(address) as store:
        accounts.create(store.engine)
        with store.engine.begin() as connection:
            connection.execute(sa.insert(accounts).values(name="admin"))
    with Store.open(address) as store, store.engine.connect() as connection:
        assert connection.scalars(sa.select(accounts.c.name)).all() == ["admin"]
