"""Zones of one gray level that hang together (26 neighbours): their levels and sizes, by union-find over whole arrays.

Nodes are runs along x; two runs in neighbouring rows hang together if they touch, also over a corner.
"""

from __future__ import annotations

import numpy as np


def zones(flat: np.ndarray, row_step: int, slice_step: int) -> tuple[np.ndarray, np.ndarray]:
    """(levels, sizes in voxels) of all zones.

    Args:
        flat: levels 1, 2, …; 0 outside, and between two rows and two slices.
        row_step: from a voxel to that in the next row.
        slice_step: from a voxel to that in the next slice.
    """
    inside = flat != 0
    starts = inside.copy()
    starts[1:] &= flat[1:] != flat[:-1]
    first = np.flatnonzero(starts)
    run = np.cumsum(starts, dtype=np.int32) - 1
    rows = (row_step, slice_step - row_step, slice_step, slice_step + row_step)
    pairs = [run[voxels] for row in rows for voxels in _touching(flat, inside, row)]
    root = _roots(len(first), np.concatenate(pairs[::2]), np.concatenate(pairs[1::2]))
    sizes = np.bincount(root[run[inside]], minlength=len(first))
    found = np.flatnonzero(sizes)
    return flat[first[found]], sizes[found]


def _touching(flat: np.ndarray, inside: np.ndarray, row: int) -> list[np.ndarray]:
    """Voxels of one level in two rows ``row`` steps apart that join two runs: here, there, alternating.

    Straight ahead, the first voxel that two runs share; over a corner, where the voxels between are of other levels.
    """
    here, there, inside = flat[:-row], flat[row:], inside[:-row]
    alike = here == there
    apart = inside & ~alike
    alike &= inside
    turns = here[1:] != here[:-1]
    straight = alike.copy()
    straight[1:] &= ~alike[:-1] | turns
    forward = apart[:-1] & turns & (here[:-1] == there[1:])
    backward = apart[1:] & turns & (here[1:] == there[:-1])
    ahead, right, left = np.flatnonzero(straight), np.flatnonzero(forward), np.flatnonzero(backward) + 1
    return [ahead, ahead + row, right, right + row + 1, left, left + row - 1]


def _roots(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For ``n`` nodes and edges a-b one node for each component, which stands for it, by node."""
    parent = np.arange(n)
    parent[np.maximum(a, b)] = np.minimum(a, b)
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            break
        parent = above
    a, b = parent[a], parent[b]
    apart = a != b
    if apart.any():
        a, b = a[apart], b[apart]
        left = np.zeros(n, bool)
        left[a] = left[b] = True
        nodes, number = np.flatnonzero(left), np.cumsum(left) - 1
        parent[nodes] = nodes[_roots(len(nodes), number[a], number[b])]
        parent = parent[parent]
    return parent
