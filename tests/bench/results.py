"""RESULTS.md: each benchmark owns the text between its two marker comments, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

PATH = Path(__file__).parent / "RESULTS.md"


def write_part(part: str, text: str, *, path: Path = PATH) -> None:
    """Put the text between the part's markers; at the end of the file where it has none yet."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    old = path.read_text("utf-8") if path.exists() else ""
    block = f"{begin}\n{text.strip()}\n{end}"
    if begin in old and end in old:
        before, _, rest = old.partition(begin)
        new = before + block + rest.partition(end)[2]
    else:
        new = f"{old.rstrip()}\n\n{block}\n".lstrip()
    path.write_text(new, "utf-8")


def table(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a bar inside a value is escaped."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(
        "| " + " | ".join(str(value).replace("|", "\\|") for value in row) + " |" for row in rows
    )


def read_table(said: str) -> str:
    """The Markdown table that a benchmark printed: its lines with bars, or its columns of words
    under a line of heads."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    barred = [line for line in lines if line.startswith("|")]
    if barred:
        return "\n".join(barred)
    heads = lines[0].split()
    return table(heads, [line.split() for line in lines[1:] if len(line.split()) == len(heads)])
