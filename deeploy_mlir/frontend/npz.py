"""Matching the arrays of an npz file to a network's inputs or outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deeploy_mlir.errors import DeeployError
from deeploy_mlir.numpy_types import Array


def load_arrays(path: str | Path) -> dict[str, Array]:
    """All arrays of an npz file, in the file's order. Raises DeeployError for a file that is none."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        raise DeeployError(f"cannot read arrays: {error}", str(path)) from None


def match_arrays(npz: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    """The array of each name: by name if every name is a key, else by position in the file's order.

    Arrays beyond the last name are ignored. Raises DeeployError if there are too few."""
    if all(name in npz for name in names):
        return {name: npz[name] for name in names}
    if len(npz) < len(names):
        missing = [name for name in names if name not in npz]
        raise DeeployError(f"{len(names)} arrays needed ({', '.join(names)}), {len(npz)} given; no array for {missing}")
    return dict(zip(names, npz.values(), strict=False))
