"""Matching the arrays of an npz file to a network's inputs or outputs."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

MAX_BYTES = 1 << 29
"""An npz file that holds more is refused, however small it is packed."""


def load_arrays(path: str | Path) -> dict[str, Array]:
    """All arrays of an npz file, in the file's order.

    Raises DeeployError for a file that is none, or holds more than `MAX_BYTES`."""
    if not zipfile.is_zipfile(path):
        reason = "is no .npz file; numpy.savez makes one" if Path(path).is_file() else "there is no such file"
        raise DeeployError(reason, str(path))
    try:
        with np.load(path, allow_pickle=False) as data:
            _check_size(data.zip, str(path))
            return {key: np.asarray(data[key]) for key in data.files}
    except DeeployError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        raise DeeployError(f"cannot read arrays: {error}", str(path)) from None


def _check_size(archive: zipfile.ZipFile, path: str) -> None:
    """Raises DeeployError if the arrays are larger than allowed, by what the archive says and by their headers."""
    total = sum(member.file_size for member in archive.infolist())
    for member in archive.infolist():
        with archive.open(member) as file:
            major, _ = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            if dtype.fields is not None:
                raise DeeployError(f"{member.filename} holds records; an array of numbers is needed", path)
            total = max(total, math.prod(shape) * dtype.itemsize)
    if total > MAX_BYTES:
        raise DeeployError(f"holds {total} bytes; at most {MAX_BYTES} are read", path)


def match_arrays(npz: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    """The array of each name: by name if every name is a key, else by position in the file's order.

    Arrays beyond the last name are ignored. Raises DeeployError if there are too few,
    or one does not hold real numbers."""
    if all(name in npz for name in names):
        found = {name: npz[name] for name in names}
    elif len(npz) < len(names):
        missing = [name for name in names if name not in npz]
        raise DeeployError(f"{len(names)} arrays needed ({', '.join(names)}), {len(npz)} given; no array for {missing}")
    else:
        found = dict(zip(names, npz.values(), strict=False))
    for name, array in found.items():
        if array.dtype.kind not in "biufV":  # V: bfloat16 and its like
            raise DeeployError(f"the array given for it has element type {array.dtype}; numbers are needed", name)
    return found
