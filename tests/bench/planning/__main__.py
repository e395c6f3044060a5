"""The planning engine beside its peers, measured; writes its parts of tests/bench/RESULTS.md.

    python -m tests.bench.planning [--quick] [--parts plans,redraw,...] [--instances ...]
        [--tolerances 0.1,0.05,0.01] [--peers metis,kahip,gerrychain,spopt|none] [--reuse]

Needs ../shared/data/planning and the peers: pip install '.[bench]'. Each part that runs replaces
its own text only. Parts: plans (new plans beside the peers), redraw (after growth), compounds,
steady (over seeds), growth (towns to 55,000 cells), small (against the exact optimum), and random
(--towns of them for violations), which runs only when named.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

from tests.bench.planning import (
    compounds,
    growth,
    instances,
    plans,
    redraw,
    small,
    small_redraw,
    steadiness,
    text,
    trials,
)
from tests.bench.planning.apart import Apart
from tests.bench.planning.check import Ground, survey
from tests.bench.results import write_part

PARTS = ("plans", "redraw", "compounds", "steady", "growth", "small")
GROUPS = ("metis", "kahip", "gerrychain", "spopt")
QUICK = {
    "instances": "ri_tract,monaco,changchun_kuancheng",
    "tolerances": "0.05",
    "peers": "metis,kahip",
    "limit": 20.0,
    "seeds": 3,
    "largest": 6_000,
    "small": 10,
    "towns": 200,
}
STORE = Path(tempfile.gettempdir()) / "wangge-bench-peers.pickle"
"""Peers' rows of earlier runs on this machine, for --reuse."""


class Bench:
    """What one run of the command shares: options, children, instances read once."""

    def __init__(self, asked: argparse.Namespace, apart: Apart) -> None:
        self.asked, self.apart = asked, apart
        self.names = asked.instances.split(",")
        self.tolerances = [float(one) for one in asked.tolerances.split(",")]
        self.groups = [] if asked.peers == "none" else asked.peers.split(",")
        self._read: dict[str, tuple[instances.Instance, Ground]] = {}

    def instance(self, name: str) -> tuple[instances.Instance, Ground]:
        """The instance and its neighbours found anew; what is wrong with it is said once."""
        if name not in self._read:
            found = instances.real(name)
            ground = survey(found)
            if ground.trouble:
                print(f"!! {name}: {ground.trouble}", flush=True)
            self._read[name] = found, ground
        return self._read[name]

    def plans(self) -> str:
        """New plans: ours and the peers' beside us."""
        store = _load_store() if self.asked.reuse else {}
        planners = [plans.OURS, *(one for one in plans.PEERS if one.group in self.groups)]
        found, hopeless, packages = [], plans.Hopeless(), plans.versions()
        for name in self.names:
            instance, ground = self.instance(name)
            for row in plans.rows(
                self.apart,
                instance,
                ground,
                planners,
                self.tolerances,
                limit_s=self.asked.limit,
                hopeless=hopeless,
                known=store,
            ):
                print(" | ".join(text.plan_line(row, [*found, row])), flush=True)
                found.append(row)
        _save_store({**_load_store(), **{plans.key(row): row for row in found if not row.is_ours}})
        said = ", ".join(f"{name} {number}" for name, number in packages.items())
        troubles = [
            f"{name}: {ground.trouble}."
            for name, (_, ground) in self._read.items()
            if ground.trouble
        ]
        return "\n\n".join(
            [
                f"Peers: {said}{' (rows of an earlier run reused)' if self.asked.reuse else ''}. "
                f"Time limit {self.asked.limit:g} s a plan, twice that above "
                f"{plans.LARGE_CELLS:,} cells.",
                *troubles,
                "### Promises",
                text.promises(found),
                "### All planners",
                text.new_plans(found),
            ]
        )

    def redraw(self) -> str:
        """Plans in force whose loads have changed."""
        rows, least = [], {}
        for name in instances.AFTER_GROWTH:
            if name.removesuffix("_after_growth") not in self.names:
                continue
            instance, ground = self.instance(name)
            least[name] = redraw.least(instance, ground)
            wanted = [
                one
                for one, call, _ in redraw.PLANNERS
                if call.startswith("ours")
                or ("METIS" in one and "metis" in self.groups)
                or ("GerryChain" in one and "gerrychain" in self.groups)
            ]
            rows += redraw.redrawn(self.apart, instance, ground, wanted, limit_s=self.asked.limit)
        beside = list(small_redraw.redrawn(self.apart, self.asked.small // 2))
        return f"{text.redrawn(rows, least)}\n\n{text.redrawn_small(beside)}"

    def compounds(self) -> str:
        """Compounds kept whole on the Changchun instances."""
        rows = []
        for name in set(instances.WITH_COMPOUNDS) & set(self.names):
            instance, ground = self.instance(name)
            rows += [
                compounds.kept(
                    self.apart,
                    instance,
                    ground,
                    tolerance=tolerance,
                    keep_whole=keep_whole,
                    limit_s=5 * self.asked.limit,
                )
                for tolerance, keep_whole in ((0.10, True), (0.05, True), (0.05, False))
            ]
        return text.kept(rows)

    def steady(self) -> str:
        """The spread over seeds, each instance at the middle tolerance."""
        rows = []
        for name in self.names:
            instance, ground = self.instance(name)
            rows.append(
                steadiness.spread(
                    self.apart,
                    instance,
                    ground,
                    tolerance=sorted(self.tolerances)[len(self.tolerances) // 2],
                    n_seeds=self.asked.seeds,
                    limit_s=5 * self.asked.limit,
                )
            )
        return text.steady(rows)

    def growth(self) -> str:
        """Made-up towns of growing size."""
        return text.grown(
            list(growth.sizes(self.apart, largest=self.asked.largest, limit_s=5 * self.asked.limit))
        )

    def small(self) -> str:
        """Small instances beside their proved optimum."""
        beside = text.beside_optimum(list(small.gaps(self.apart, self.asked.small)))
        return f"{beside}\n\n{text.agreed(small.agreement(self.apart, self.asked.small))}"

    def random(self) -> str:
        """Violations in random towns."""
        found: Counter[str] = Counter()
        failures, n_towns = [], self.asked.towns
        for first in range(0, n_towns, trials.BATCH):
            count = min(trials.BATCH, n_towns - first)
            outcome = self.apart.run(
                "trials:batch", None, [{"first": first, "count": count}], limit_s=3600
            )
            for answer in outcome.answers:
                found.update(answer.value)
            if outcome.failure:
                failures.append(f"towns {first} to {first + count - 1}: {outcome.failure}")
            print(f"{first + count:,} towns: {dict(found.most_common(8))} {failures}", flush=True)
        return text.trials(found, n_towns, failures)


HEADS: dict[str, str] = {
    "plans": "## New plans",
    "redraw": "## Plans redrawn after growth",
    "compounds": "## Compounds kept whole",
    "steady": "## Steadiness over seeds",
    "growth": "## Growth",
    "small": "## Small instances against the exact optimum",
    "random": "## Violations in random towns",
}


def about(asked: argparse.Namespace) -> str:
    """What was run, where; how to read the figures."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    return (
        "# Planning beside its peers\n\n"
        "`python -m tests.bench.planning` writes this part, `python -m tests.bench` the whole "
        f"file. Each part says when it was run. Here: {processor}, {os.cpu_count()} cores.\n\n"
        "Every plan is judged by code of the benchmark's own, from the polygons "
        "(tests/bench/planning/check.py). max % is the largest |load - target| / target; PP the "
        "mean Polsby-Popper; peak MB the most memory the planner's process held, and in brackets "
        "that without imported libraries; times are of the planning alone, compiled code loaded."
    )


def _load_store() -> dict[tuple[object, ...], plans.Row]:
    if not STORE.exists():
        return {}
    found: dict[tuple[object, ...], plans.Row] = pickle.loads(STORE.read_bytes())
    return found


def _save_store(rows: dict[tuple[object, ...], plans.Row]) -> None:
    STORE.write_bytes(pickle.dumps(rows))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: 5 minutes")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--instances", default=",".join(instances.N_GRIDS))
    parser.add_argument("--tolerances", default="0.1,0.05,0.01")
    parser.add_argument("--peers", default=",".join(GROUPS))
    parser.add_argument("--limit", type=float, default=40.0, help="seconds a plan")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--largest", type=int, default=55_000, help="cells of the largest town")
    parser.add_argument("--small", type=int, default=100, help="small instances")
    parser.add_argument("--towns", type=int, default=10_000, help="random towns")
    parser.add_argument("--reuse", action="store_true", help="peers' rows of an earlier run here")
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    first = parser.parse_known_args()[0]
    if first.quick:
        parser.set_defaults(**QUICK)
    asked = parser.parse_args()
    unknown = set(asked.parts.split(",")) - set(HEADS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    """Run the parts asked for and write each as soon as it is there."""
    asked = options()
    put: Callable[[str, str], None] = (
        (lambda part, said: print(said, flush=True)) if asked.dry else write_part
    )
    put("planning", about(asked))
    with Apart() as apart:
        bench = Bench(asked, apart)
        for part in asked.parts.split(","):
            begun = time.perf_counter()
            said = getattr(bench, part)()
            took_s = time.perf_counter() - begun
            ran = f"Run on {date.today()} in {took_s:.0f} s{' (--quick)' if asked.quick else ''}."
            put(f"planning {part}", f"{HEADS[part]}\n\n{ran}\n\n{said}")
            print(f"{part}: {took_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
