"""The outside of a network: its name and the tensors that go in and come out."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from deeploy_mlir.ir.symbols import boundary_names
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import prefix_of
from deeploy_mlir.support.numpy_types import Array, numpy_dtype, stored_dtype


@dataclass(frozen=True)
class TensorInfo:
    """One input or output: its ONNX name, numpy element type and static shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.dtype)

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.numpy.itemsize


@dataclass(frozen=True)
class Network:
    """Name (the C prefix), inputs and outputs, in the order of the ONNX graph."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


def network_of(module: ModuleOp) -> Network:
    """The network that a graph-level module holds. Raises ValueError if there is not exactly one function."""
    functions = [op for op in module.body.ops if isinstance(op, FuncOp) and not op.is_declaration]
    if len(functions) != 1:
        raise ValueError(f"a graph-level module holds one function, this one {len(functions)}")
    (function,) = functions
    kind, names = function.function_type, boundary_names(function)
    return Network(
        prefix_of(function.sym_name.data),
        _tensors(names.inputs, kind.inputs.data),
        _tensors(names.outputs, kind.outputs.data),
    )


def _tensors(names: Sequence[str], types: Sequence[Attribute]) -> tuple[TensorInfo, ...]:
    tensors: list[TensorInfo] = []
    for name, kind in zip(names, types, strict=True):
        tensor = cast("TensorType[Any]", kind)
        tensors.append(TensorInfo(name, numpy_dtype(tensor.element_type).name, tensor.get_shape()))
    return tuple(tensors)


def bind_inputs(network: Network, arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    """The arrays by input name, in order, in the type and shape that the network takes.

    Raises DeeployError for a missing input, another shape, or a value that the type cannot hold."""
    missing = [t.name for t in network.inputs if t.name not in arrays]
    if missing:
        raise DeeployError(f"no data for input {', '.join(missing)}; there is data for {', '.join(arrays) or 'none'}")
    return tuple(_convert(tensor, np.asarray(arrays[tensor.name])) for tensor in network.inputs)


def _convert(tensor: TensorInfo, array: Array) -> Array:
    if array.shape != tensor.shape:
        raise DeeployError(
            f"the network takes shape {list(tensor.shape)}, the data have {list(array.shape)}", tensor.name
        )
    with np.errstate(all="ignore"):
        converted = array.astype(tensor.numpy)
    if tensor.numpy.kind in "iub" and not np.array_equal(converted.astype(np.float64), array.astype(np.float64)):
        low, high = (array.min(), array.max())
        raise DeeployError(f"the network takes {tensor.dtype}, the data ({low} to {high}) do not fit", tensor.name)
    return np.ascontiguousarray(converted)


def to_bytes(tensors: Sequence[TensorInfo], arrays: Sequence[Array]) -> tuple[bytes, ...]:
    """The arrays as the target holds them: C order, little endian; integers of fewer than 8 bits as whole bytes."""
    return tuple(
        np.ascontiguousarray(a, t.numpy).astype(stored_dtype(t.numpy)).tobytes()
        for t, a in zip(tensors, arrays, strict=True)
    )


def from_bytes(tensors: Sequence[TensorInfo], blobs: Sequence[bytes]) -> dict[str, Array]:
    """The inverse of `to_bytes`, by tensor name."""
    return {
        t.name: np.frombuffer(blob, stored_dtype(t.numpy)).reshape(t.shape).astype(t.numpy)
        for t, blob in zip(tensors, blobs, strict=True)
    }


def save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Writes an .npz file under any names; types that numpy has not (bfloat16) become float32."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array.astype(np.float32) if array.dtype.kind == "V" else array)
