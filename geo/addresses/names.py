"""Which compound or street of the register a written name means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapidfuzz import fuzz

from geo.addresses.forms import NUMERALS, normalise, to_number

FUZZY_FROM = 75.0
"""Least similarity, 0 to 100, at which a name that is written otherwise is taken for another."""

FUZZY_LEAD = 10.0
"""By how much the best name must lead the next one."""

_MARKS = re.compile(rf"[0-9A-Z]+|[{NUMERALS}]+|[东西南北]")


_SECTION = re.compile(rf"(?:[0-9A-Z]+|[{NUMERALS}]+|[东西南北中])(?:区|期|组团)")
"""What tells one part of a large compound from another."""


class Names:
    """The register's names of one kind, ready for look-up."""

    def __init__(self, names: Iterable[str]) -> None:
        longest_first = sorted(set(names), key=lambda name: (-len(name), name))
        self._plain = {normalise(name): name for name in longest_first}

    def inside(self, written: str) -> str | None:
        """The name that stands in the text: the last one in it, of several there the longest.

        None where a section that the name lacks follows it: 幸福小区三区 is not 幸福小区.
        """
        ends = [
            (written.rfind(plain) + len(plain), plain) for plain in self._plain if plain in written
        ]
        if not ends:
            return None
        last = max(end for end, _ in ends)
        if _SECTION.search(written, last):
            return None
        return self._plain[next(plain for end, plain in ends if end == last)]

    def find(self, written: str) -> tuple[str | None, float]:
        """The name that is meant and its likeness, 0 to 1; None where none or several might be.

        A name that stands in the text counts 1. Else the end of the text is compared with every
        name that holds the same numbers and points of the compass: 幸福二区 is never taken for
        幸福一区.
        """
        exact = self.inside(written)
        if exact is not None:
            return exact, 1.0
        scores = sorted(((_likeness(written, plain), plain) for plain in self._plain), reverse=True)
        best = scores[0] if scores else (0.0, "")
        follower = scores[1][0] if len(scores) > 1 else 0.0
        if best[0] < FUZZY_FROM or best[0] - follower < FUZZY_LEAD:
            return None, 0.0
        return self._plain[best[1]], best[0] / 100.0


def _likeness(written: str, plain: str) -> float:
    """Similarity of the name to the end of the text, 0 where their numbers differ."""
    end = written[-len(plain) :]
    return float(fuzz.ratio(end, plain)) if _marks(end) == _marks(plain) else 0.0


def _marks(name: str) -> list[str]:
    return [to_number(mark) for mark in _MARKS.findall(name)]
