"""Matching of tracks to the walking network: `match` and its parts."""

from geo.patrol.matching.corridors import corridors
from geo.patrol.matching.matched import Matched, match
from geo.patrol.matching.motion import WALKING, Motion

__all__ = ["WALKING", "Matched", "Motion", "corridors", "match"]
