"""Density along streets: a kernel that follows the network."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numba import njit

from geo.crs import check_metric
from geo.errors import CrsError
from geo.hotspots.counts.lattice import Floats, Indices, check_positive
from geo.hotspots.surfaces.street_network import StreetNetwork, street_network

PIECE_M = 50.0
"""Longest piece, metres."""

LEAST_SHARE = 1e-4
"""A path is followed while at least this share of the incident is still under way in it."""

_M_PER_KM = 1000.0


def street_density(
    incidents: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    *,
    bandwidth_m: float,
    piece_m: float = PIECE_M,
    reach_m: float = 50.0,
) -> gpd.GeoDataFrame:
    """Street pieces with the density of incidents along them, per km of street.

    Equal-split discontinuous kernel (Okabe, Satoh and Sugihara 2009; Okabe and Sugihara 2012,
    section 9.2): a quartic kernel of one dimension runs along the streets from each incident; at a
    junction of n arms each of the n - 1 others takes the same share; at a dead end it turns back.
    The kernel is integrated over each piece, not sampled, so that density x length adds up to the
    number of incidents snapped. A path whose rest is below `LEAST_SHARE` of its incident ends, and
    leaves the rest in the piece where it stands.

    Parameters
    ----------
    incidents : points, projected CRS in metres
    streets : lines in the same CRS, joined where they share a vertex
    bandwidth_m : reach of the kernel along the street, metres, > 0
    piece_m : longest piece, metres, > 0
    reach_m : an incident farther than this from every street is left out, metres, > 0

    Returns
    -------
    Pieces in order along each street: street (its position in `streets`), length_m, n_incidents
    (snapped to it), density_per_km, geometry; `attrs["n_snapped"]`, `attrs["n_left_out"]`

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : a size is not finite and positive, or there is no street
    """
    check_metric(incidents, "incidents")
    check_positive(bandwidth_m=bandwidth_m, reach_m=reach_m)
    network = street_network(streets, piece_m=piece_m)
    if incidents.crs != streets.crs:
        raise CrsError(
            "crs.mismatch",
            f"`incidents` and `streets` must share a CRS; got {incidents.crs} and {streets.crs}",
            left=str(incidents.crs),
            right=str(streets.crs),
        )
    edge, along, n_left_out = _snap(incidents, network, reach_m)
    mass, n_incidents = _follow(network, edge, along, bandwidth_m)
    pieces = gpd.GeoDataFrame(
        {
            "street": np.repeat(network.street, np.diff(network.first_piece)),
            "length_m": network.piece_length_m,
            "n_incidents": n_incidents,
            "density_per_km": mass / network.piece_length_m * _M_PER_KM,
        },
        geometry=network.pieces,
        crs=streets.crs,
    )
    pieces.attrs.update(n_snapped=len(edge), n_left_out=n_left_out)
    return pieces


def _snap(
    incidents: gpd.GeoDataFrame, network: StreetNetwork, reach_m: float
) -> tuple[Indices, Floats, int]:
    """Edge and distance along it of each incident within reach, and how many are left out."""
    points = incidents.geometry.array
    points = np.asarray(points[~(shapely.is_missing(points) | shapely.is_empty(points))])
    tree = shapely.STRtree(network.lines)
    point, edge = tree.query_nearest(points, max_distance=reach_m, all_matches=False)
    along = shapely.line_locate_point(network.lines[edge], points[point])
    along = np.clip(along, 0.0, network.length_m[edge])
    return edge.astype(np.int64), along, len(incidents) - len(point)


def _follow(
    network: StreetNetwork, edge: Indices, along: Floats, bandwidth_m: float
) -> tuple[Floats, Indices]:
    """(pieces,) incidents spread along the network, and incidents snapped."""
    order = np.lexsort((along, edge))
    edge, along = edge[order], along[order]
    is_new = np.append(True, (edge[1:] != edge[:-1]) | (along[1:] != along[:-1]))[: len(edge)]
    first = np.flatnonzero(is_new)
    times = np.diff(np.append(first, len(edge)))
    edge, along = edge[first], along[first]
    mass = np.zeros(len(network.piece_length_m))
    n_incidents = np.zeros(len(mass), dtype=np.int64)
    _spread_along(
        edge,
        along,
        times,
        bandwidth_m,
        LEAST_SHARE,
        network.ends,
        network.length_m,
        network.first_arm,
        network.arms,
        network.first_piece,
        network.starts_m,
        mass,
        n_incidents,
    )
    return mass, n_incidents


@njit(cache=True, nogil=True, error_model="numpy")
def _beyond(distance, bandwidth):  # type: ignore[no-untyped-def]
    """Mass of half a quartic kernel beyond a distance; 1/2 at 0."""
    u = min(distance / bandwidth, 1.0)
    return 0.5 - 15.0 / 16.0 * (u - 2.0 / 3.0 * u**3 + 0.2 * u**5)


@njit(cache=True, nogil=True, error_model="numpy")
def _piece_at(starts, low, high, along):  # type: ignore[no-untyped-def]
    """The piece of an edge that holds a distance along it; the later one on a cut."""
    while high - low > 1:
        middle = (low + high) // 2
        if starts[middle] <= along:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, error_model="numpy")
def _run(  # type: ignore[no-untyped-def]
    along, is_forward, travelled, share, bandwidth, first, last, starts, length, mass
):
    """Lay the kernel from a place of an edge to its end; the distance travelled there."""
    piece = _piece_at(starts, first, last, along)
    if not is_forward and along == starts[piece] and piece > first:
        piece -= 1
    before = _beyond(travelled, bandwidth)
    while before > 0.0:
        if is_forward:
            end = starts[piece + 1] if piece + 1 < last else length
            travelled += end - along
        else:
            end = starts[piece]
            travelled += along - end
        after = _beyond(travelled, bandwidth)
        mass[piece] += share * (before - after)
        before, along = after, end
        piece += 1 if is_forward else -1
        if piece < first or piece >= last:
            break
    return travelled


@njit(cache=True, nogil=True, error_model="numpy")
def _spread_along(  # type: ignore[no-untyped-def]
    edge, along, times, bandwidth, least, ends, length,
    first_arm, arms, first_piece, starts, mass, n_incidents,
):  # fmt: skip
    arm_stack, far_stack = np.empty(4096, np.int64), np.empty(4096)
    share_stack = np.empty(4096)
    for k in range(len(edge)):
        e = edge[k]
        n_incidents[_piece_at(starts, first_piece[e], first_piece[e + 1], along[k])] += times[k]
        depth = 0
        for side in range(2):
            travelled = _run(
                along[k], side == 0, 0.0, times[k], bandwidth,
                first_piece[e], first_piece[e + 1], starts, length[e], mass,
            )  # fmt: skip
            arm_stack[depth], far_stack[depth] = 2 * e + side, travelled
            share_stack[depth] = 1.0
            depth += 1
        while depth:
            depth -= 1
            arm, far, share = arm_stack[depth], far_stack[depth], share_stack[depth]
            rest = share * _beyond(far, bandwidth)
            if rest <= 0.0:
                continue
            came, is_forward = arm // 2, arm % 2 == 0
            node = ends[came, 1] if is_forward else ends[came, 0]
            back = 2 * came + 1 if is_forward else 2 * came
            n_arms = first_arm[node + 1] - first_arm[node]
            if rest < least or depth + n_arms > len(arm_stack):
                piece = first_piece[came + 1] - 1 if is_forward else first_piece[came]
                mass[piece] += rest * times[k]
                continue
            part = share / max(n_arms - 1, 1)
            for position in range(first_arm[node], first_arm[node + 1]):
                out = arms[position]
                if out == back and n_arms > 1:
                    continue
                o, out_forward = out // 2, out % 2 == 0
                travelled = _run(
                    0.0 if out_forward else length[o], out_forward, far, part * times[k],
                    bandwidth, first_piece[o], first_piece[o + 1], starts, length[o], mass,
                )  # fmt: skip
                arm_stack[depth], far_stack[depth], share_stack[depth] = out, travelled, part
                depth += 1
