"""All benchmarks, and RESULTS.md from them: python -m tests.bench [--quick] [part ...]

Parts: planning, datum, attribution (all by default). About 30 minutes; with --quick about 7.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.bench.results import read_table, write_part

FOLDER = Path(__file__).parent
PRINTED = ("datum", "attribution")
"""Benchmarks that print a table; planning writes its own part."""


def main() -> None:
    """Run the parts asked for, one after another, and write their text; fail with the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="planning, datum, attribution")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    parts = asked.parts or ["planning", *PRINTED]
    unknown = set(parts) - {"planning", *PRINTED}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if "planning" in parts:
        more = ["--quick"] if asked.quick else []
        subprocess.run([sys.executable, "-m", "tests.bench.planning", *more], check=True)
    for part in PRINTED:
        if part in parts:
            more = ["100000"] if asked.quick and part == "attribution" else []
            done = subprocess.run(
                [sys.executable, str(FOLDER / f"{part}.py"), *more],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            print(done.stdout)
            write_part(part, read_table(done.stdout))


if __name__ == "__main__":
    main()
