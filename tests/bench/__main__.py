"""All benchmarks, and RESULTS.md from them: python -m tests.bench [--quick] [part ...]

Parts: planning, datum, those of hotspots (attribution, false_alarms, gi, scan, density, foresight,
emerging, cube, planted) and of patrols (tracks, matching, routes, demo_walks); all by default.
About an hour; with --quick about 15 minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.bench.results import read_table, write_part

PARTS = {
    "planning": "tests.bench.planning",
    "datum": "tests.bench.datum",
    **{
        topic: f"tests.bench.hotspots.{topic}"
        for topic in (
            "attribution",
            "false_alarms",
            "gi",
            "scan",
            "density",
            "foresight",
            "emerging",
            "cube",
            "planted",
        )
    },
    "tracks": "tests.bench.patrol.tracks",
    "matching": "tests.bench.patrol.matching",
    "routes": "tests.bench.patrol.routes",
    "demo_walks": "tests.bench.patrol.demo_walks",
}
"""Part -> module. Planning writes its own text; the others print theirs."""

WRITES_ITSELF = "planning"
ALWAYS_WHOLE = "datum"


def main() -> None:
    """Run the parts asked for, one after another, and write their text; fail with the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for part in asked.parts or PARTS:
        more = ["--quick"] if asked.quick and part != ALWAYS_WHOLE else []
        command = [sys.executable, "-m", PARTS[part], *more]
        if part == WRITES_ITSELF:
            subprocess.run(command, check=True)
            continue
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(done.stdout)
        write_part(part, done.stdout if part != ALWAYS_WHOLE else read_table(done.stdout))


if __name__ == "__main__":
    main()
