"""Lines cut at given places along them, all at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Geometries = npt.NDArray[np.object_]


def cut_lines(lines: Geometries, line: Indices, along_m: Floats) -> tuple[Geometries, Indices]:
    """The lines cut at places along them, in order, and the line of each part.

    Parameters
    ----------
    lines : (n,) LineStrings
    line : (k,) which line each cut is on
    along_m : (k,) where, metres from its start, strictly inside; no two alike on a line
    """
    if not len(line):
        return lines, np.arange(len(lines))
    order = np.lexsort((along_m, line))
    line, along_m = line[order], along_m[order]
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    vertex_m = along(xy, owner)
    cut_xy = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], along_m))
    # Each cut stands twice: as the end of one part (order 0) and the start of the next (1).
    all_owner = np.concatenate([owner, line, line])
    all_m = np.concatenate([vertex_m, along_m, along_m])
    is_start = np.concatenate([np.zeros(len(owner) + len(line)), np.ones(len(line))])
    order = np.lexsort((is_start, all_m, all_owner))
    begins = is_start[order].astype(bool)
    begins[1:] |= np.diff(all_owner[order]) > 0
    joined = np.concatenate([xy, cut_xy, cut_xy])[order]
    parts: Geometries = shapely.linestrings(joined, indices=np.cumsum(begins))
    n_parts = np.bincount(line, minlength=len(lines)) + 1
    return parts, np.repeat(np.arange(len(lines)), n_parts)


def along(xy: Floats, owner: Indices) -> Floats:
    """How far along its line each vertex is, metres; vertices line by line."""
    is_later = owner[1:] == owner[:-1]
    step = np.where(is_later, np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    total = np.concatenate([[0.0], np.cumsum(step)])
    first = np.flatnonzero(np.concatenate([[True], ~is_later]))
    found: Floats = total - np.repeat(total[first], np.diff(np.append(first, len(xy))))
    return found
