"""The benchmark's rows as Markdown, for RESULTS.md."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from tests.bench.planning import compounds, growth, redraw, small, small_redraw, steadiness, targets
from tests.bench.planning.plans import Row
from tests.bench.results import table


def percent(share: float, digits: int = 2) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.{digits}f}"


def met(troubles: Sequence[str]) -> str:
    return "no: " + "; ".join(troubles) if troubles else "yes"


def new_plans(rows: list[Row]) -> str:
    """Every row; a planner that failed shows why."""
    heads = (
        "instance", "asked %", "planner", "max %", "mean %", "broken", "missing", "unassigned",
        "PP", "cut km", "wall s", "CPU s", "peak MB (own)", "target met?", "note",
    )  # fmt: skip
    return table(heads, [plan_line(row, rows) for row in rows])


def plan_line(row: Row, rows: list[Row]) -> list[str]:
    """One row of the table; `rows` are those it is measured by."""
    start = [row.instance, percent(row.tolerance, 0), row.planner]
    figures, answer = row.figures, row.answer
    if figures is None or answer is None:
        return [*start, *["-"] * 10, f"no: {row.failure}", row.note]
    if row.is_ours:
        found = targets.checks(row, peers_of(row, rows))
    else:
        found = list(targets.basics(row, bound_of(row, rows)))
    broken = [f"{one.what} {one.found}" for one in found if one.is_promise and not one.is_met]
    return [
        *start,
        percent(figures.max_deviation),
        percent(figures.mean_deviation),
        str(figures.n_broken),
        str(figures.n_missing),
        str(figures.n_unassigned),
        f"{figures.polsby_popper:.3f}",
        f"{figures.cut_m / 1000:.1f}",
        f"{answer.wall_s:.2f}",
        f"{answer.cpu_s:.2f}",
        f"{answer.peak_mb:.0f} ({answer.peak_mb - answer.libraries_mb:.0f})",
        met(broken),
        row.note,
    ]


def peers_of(row: Row, rows: list[Row]) -> list[Row]:
    return [one for one in rows if one.instance == row.instance and not one.is_ours]


def bound_of(row: Row, rows: list[Row]) -> float:
    """The engine's lower bound on the row's instance, 0 where ours did not run."""
    bounds = [one.lower_bound for one in rows if one.instance == row.instance and one.is_ours]
    return max((bound for bound in bounds if bound is not None), default=0.0)


def promises(rows: list[Row]) -> str:
    """Each promise on our rows, with the figure it is measured by."""
    heads = ("instance", "asked %", "what", "wanted", "found", "met?")
    found = [
        (row, one)
        for row in rows
        if row.is_ours
        for one in targets.checks(row, peers_of(row, rows))
    ]
    lines = [
        [row.instance, percent(row.tolerance, 0), one.what, one.wanted, one.found, says(one)]
        for row, one in found
    ]
    promised = [one.is_met for _, one in found if one.is_promise]
    return f"{sum(promised)} of {len(promised)} met.\n\n{table(heads, lines)}"


def says(check: targets.Check) -> str:
    if check.is_promise:
        return yes(check.is_met)
    return f"{'yes' if check.is_met else 'no'} (promised for other instances)"


def yes(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def redrawn(rows: list[redraw.Redrawn], least: dict[str, redraw.Least]) -> str:
    """Plans redrawn after growth, beside what must move."""
    heads = (
        "instance", "planner", "moved %", "at least % (excess)", "flow %", "moved / flow",
        "grids touched %", "max %", "violations", "PP", "PP before", "wall s", "target met?",
    )  # fmt: skip
    lines = []
    for row in rows:
        bound, figures = least[row.instance], row.figures
        trouble = met(redraw.shortfalls(row, bound))
        start = [row.instance, row.planner]
        if figures is None:
            lines.append([*start, *["-"] * 10, trouble])
            continue
        lines.append(
            [
                *start,
                percent(row.moved_share),
                percent(bound.excess),
                percent(bound.flow),
                f"{row.moved_share / bound.flow:.2f}",
                percent(row.touched_share, 0),
                percent(figures.max_deviation),
                str(figures.n_violations),
                f"{figures.polsby_popper:.3f}",
                f"{row.shape_before:.3f}",
                f"{row.wall_s:.2f}",
                trouble,
            ]
        )
    return table(heads, lines)


def steady(rows: list[steadiness.Spread]) -> str:
    """Least and largest figures over the seeds."""
    heads = (
        "instance", "asked %", "seeds", "violations", "max %", "spread, points", "PP",
        "PP spread", "cut km", "wall s", "target met?",
    )  # fmt: skip
    lines = []
    for row in rows:
        lines.append(
            [
                row.instance,
                percent(row.tolerance, 0),
                str(row.n_seeds),
                str(row.n_violations),
                f"{percent(row.deviation[0])} to {percent(row.deviation[1])}",
                percent(row.deviation[1] - row.deviation[0]),
                f"{row.shape[0]:.3f} to {row.shape[1]:.3f}",
                f"{row.shape[1] - row.shape[0]:.4f}",
                f"{row.cut_m[0] / 1000:.1f} to {row.cut_m[1] / 1000:.1f}",
                f"{row.wall_s[0]:.1f} to {row.wall_s[1]:.1f}",
                yes(row.is_met) if not row.failure else f"no: {row.failure}",
            ]
        )
    return table(heads, lines)


def grown(rows: list[growth.Size]) -> str:
    """CPU seconds by number of cells, and the exponent."""
    heads = ("cells", "grids", "CPU s", "wall s", "peak MB", "max %", "PP", "violations", "note")
    lines = [
        [
            f"{row.n_cells:,}",
            f"{row.n_grids:,}",
            f"{row.cpu_s:.2f}",
            f"{row.wall_s:.2f}",
            f"{row.peak_mb:.0f}",
            percent(row.max_deviation),
            f"{row.shape:.3f}",
            str(row.n_violations),
            row.failure,
        ]
        for row in rows
    ]
    found = growth.exponent(rows)
    is_met = found <= growth.EXPONENT and not any(row.failure for row in rows)
    says = (
        f"Fitted exponent of CPU time against cells: {found:.2f} "
        f"(wanted: at most {growth.EXPONENT}): {yes(is_met)}."
    )
    return f"{says}\n\n{table(heads, lines)}"


def kept(rows: list[compounds.Kept]) -> str:
    """Compounds split, with and without keep_whole."""
    heads = (
        "instance", "asked %", "keep_whole", "split that fit", "compounds that fit", "max %",
        "PP", "violations", "wall s", "target met?",
    )  # fmt: skip
    lines = [
        [
            row.instance,
            percent(row.tolerance, 0),
            "compound" if row.keep_whole else "-",
            str(row.n_split),
            str(row.n_fitting),
            percent(row.max_deviation),
            f"{row.shape:.3f}",
            str(row.n_violations),
            f"{row.wall_s:.1f}",
            row.failure
            or (yes(row.n_split + row.n_violations == 0) if row.keep_whole else "not asked"),
        ]
        for row in rows
    ]
    return table(heads, lines)


def trials(found: Counter[str], n_towns: int, failures: list[str]) -> str:
    """Random towns: plans, refusals by code, violations by kind with the first towns' numbers."""
    kinds = (
        "crash",
        "unassigned",
        "empty grid",
        "broken grid",
        "two communities",
        "another number",
    )
    lines = []
    for kind in kinds:
        towns = sorted(key.rpartition(" ")[2] for key in found if key.startswith(kind))
        lines.append([kind, str(len(towns)), ", ".join(towns[:5])])
    lines += [[key, str(n), ""] for key, n in sorted(found.items()) if key.startswith("refused ")]
    lines += [["process failed", "1", failure] for failure in failures]
    n_bad = sum(int(line[1]) for line in lines if not line[0].startswith("refused"))
    says = (
        f"{n_towns:,} random towns, {found['plans']:,} planned, {found['refused']:,} refused in "
        f"words; {n_bad} violations (wanted: 0): {yes(n_bad == 0)}."
    )
    return f"{says}\n\n{table(('kind', 'towns', 'first'), lines)}"


def beside_optimum(rows: list[small.Gap]) -> str:
    """How many are at the optimum, and every instance that is not."""
    deviation = [row.deviation_gap for row in rows if row.deviation_gap is not None]
    perimeter = [row.perimeter_gap for row in rows if row.perimeter_gap is not None]
    usual = [row.usual_gap for row in rows if row.usual_gap is not None]
    n_met = sum(row.is_met for row in rows)
    is_met = n_met >= small.WANTED_SHARE * len(rows)
    lines = [
        ["max deviation, 0 asked", *_gap_line(deviation, small.DEVIATION_GAP, 100, " points")],
        [
            "perimeter, 10% and the shortest borders asked",
            *_gap_line(perimeter, small.PERIMETER_GAP, 100, "%"),
        ],
        ["perimeter, usual weights", *_gap_line(usual, small.PERIMETER_GAP, 100, "%")],
    ]
    says = (
        f"{len(rows)} towns of 10 to 60 cells, 3 to 17 grids. Both promises kept on {n_met} "
        f"(wanted: {small.WANTED_SHARE * len(rows):.0f}): {yes(is_met)}. No plan within 10% exists "
        f"for {sum((row.least_deviation or 0) > small.SHAPE_TOLERANCE for row in rows)}, nothing "
        f"proved for {sum(row.least_deviation is None for row in rows)}; "
        f"{sum(row.n_violations for row in rows)} violations."
    )
    missed = table(
        ("town", "cells", "grids", "max %", "least %", "perimeter m", "least m", "within 10%"),
        [
            [
                str(row.number),
                str(row.n_cells),
                str(row.n_grids),
                percent(row.deviation),
                "-" if row.least_deviation is None else percent(row.least_deviation),
                f"{row.perimeter_m:.0f}",
                "-" if row.least_perimeter_m is None else f"{row.least_perimeter_m:.0f}",
                "yes" if row.is_within else "no",
            ]
            for row in rows
            if not row.is_met
        ],
    )
    heads = ("gap to the optimum", "towns", "kept on", "wanted", "mean", "median", "largest")
    return f"{says}\n\n{table(heads, lines)}\n\nTowns that miss one:\n\n{missed}"


def _gap_line(gaps: list[float], wanted: float, factor: float, unit: str) -> list[str]:
    if not gaps:
        return ["0", "-", f"<= {factor * wanted:g}{unit}", "-", "-", "-"]
    ordered = sorted(gaps)
    values = (sum(gaps) / len(gaps), ordered[len(gaps) // 2], ordered[-1])
    n_kept = sum(gap <= wanted + 1e-9 for gap in gaps)
    return [
        str(len(gaps)),
        str(n_kept),
        f"<= {factor * wanted:g}{unit}",
        *(f"{factor * value:.2f}{unit}" for value in values),
    ]


def agreed(found: small.Agreement) -> str:
    """The engine's exact planner beside the benchmark's own."""
    if found.failure:
        return f"The engine's own exact planner: {found.failure}."
    return (
        f"The engine's own exact planner (geo.planning.exact, {small.ENGINE_S:g} s a town), on the "
        f"{found.n_towns} towns of at most {small.ENGINE_CELLS} cells: {found.n_proved} of "
        f"{2 * found.n_towns} optima proved in {found.wall_s:.0f} s, the same as the benchmark's "
        f"on {found.n_agreed}: {yes(found.n_agreed == found.n_proved)}."
    )


def redrawn_small(rows: list[small_redraw.Redrawn]) -> str:
    """Small towns redrawn, beside the least load that must move."""
    proved = [row for row in rows if row.least is not None]
    n_met = sum(row.is_met for row in proved)
    says = (
        f"{len(rows)} towns of at most {small_redraw.MOST_CELLS} cells after growth that a plan "
        f"within 10% exists for (least moved load proved for {len(proved)}): at most "
        f"{small_redraw.EXACT_FACTOR:g}x the least on {n_met} of {len(proved)}: "
        f"{yes(n_met == len(proved))}. Those above:"
    )
    lines = [
        [
            str(row.number),
            str(row.n_cells),
            str(row.n_grids),
            percent(row.moved),
            percent(row.least or 0.0),
            f"{row.moved / row.least:.2f}" if row.least else "-",
            "yes" if row.is_within else "no",
            str(row.n_violations),
        ]
        for row in proved
        if not row.is_met
    ]
    heads = ("town", "cells", "grids", "moved %", "least %", "ratio", "within 10%", "violations")
    return f"{says}\n\n{table(heads, lines)}"
