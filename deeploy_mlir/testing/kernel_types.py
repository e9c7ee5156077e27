"""Which element types each kernel takes, found by compiling and running an operator that it is behind.

Values are small integers, so that every type holds the results of all but the row functions; expected is what onnx's
reference evaluator makes of them in f32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from deeploy_mlir.backend import prepare
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

TYPES: dict[str, int] = {
    "i1": TensorProto.BOOL,
    "i8": TensorProto.INT8,
    "i16": TensorProto.INT16,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "ui8": TensorProto.UINT8,
    "ui16": TensorProto.UINT16,
    "ui32": TensorProto.UINT32,
    "ui64": TensorProto.UINT64,
    "f16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "f32": TensorProto.FLOAT,
    "f64": TensorProto.DOUBLE,
}
"""ONNX's number of each element type, by its name in the IR."""


@dataclass(frozen=True)
class Trial:
    """An operator whose first operands have the type in question; `operands` are their shapes, `others` further
    operands of types of their own. `integer` gives integers for any integer operands."""

    op_type: str
    operands: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    others: tuple[Array, ...] = ()
    exact: bool = True
    integer: bool = False
    order: tuple[int, ...] | None = None
    """Where the operands stand among the node's inputs (operands first, then others), if not in this order."""


AXIS = np.array([1], np.int64)
PLACES = np.array([[0, 3, 1], [2, 2, 0]])
KERNELS: dict[str, tuple[Trial, ...]] = {
    "matmul": (Trial("MatMul", ((3, 5), (5, 4))), Trial("MatMulInteger", ((3, 5), (5, 4)), integer=True)),
    "conv": (
        Trial("Conv", ((1, 2, 5, 5), (3, 2, 3, 3))),
        Trial("ConvInteger", ((1, 2, 5, 5), (3, 2, 3, 3)), integer=True),
    ),
    "pool": (Trial("MaxPool", ((1, 2, 6, 6),), {"kernel_shape": [2, 2]}),),
    "reduce": (Trial("ReduceSum", ((3, 4),), others=(AXIS,)), Trial("ReduceMax", ((3, 4),), others=(AXIS,))),
    "row": (Trial("Softmax", ((3, 6),), exact=False),),
    "scatter": (
        Trial("ScatterElements", ((4, 3), (2, 3)), others=(np.array([[0, 3, 1], [2, 2, 0]]),), order=(0, 2, 1)),
    ),
    "map": (
        Trial("Add", ((3, 4), (4,))),
        Trial("Transpose", ((3, 4),)),
        Trial("And", ((3, 4), (4,))),
        Trial("Gather", ((3, 4),), others=(np.array([2, 0]),)),
    ),
}
"""For each kernel the operators that are tried: it takes a type if one of them does."""


def _model(trial: Trial, element: int, arrays: Sequence[Array]) -> onnx.ModelProto:
    names = [f"x{i}" for i in range(len(arrays))]
    others = [f"c{i}" for i in range(len(trial.others))]
    infos = [helper.make_tensor_value_info(n, element, a.shape) for n, a in zip(names, arrays, strict=True)]
    inputs = [*names, *others]
    if trial.order is not None:
        inputs = [inputs[i] for i in trial.order]
    output = onnx.ValueInfoProto(name="y")
    constants = [numpy_helper.from_array(a, n) for n, a in zip(others, trial.others, strict=True)]
    node = helper.make_node(trial.op_type, inputs, ["y"], trial.op_type, **trial.attributes)
    graph = helper.make_graph([node], "trial", infos, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def takes(trial: Trial, name: str) -> bool:
    """Whether the operator compiles for the element type. Raises AssertionError if it then computes something wrong."""
    rng = np.random.default_rng(0)
    arrays: list[Array] = [rng.integers(0, 2 if name == "i1" else 4, shape) for shape in trial.operands]
    dtype = helper.tensor_dtype_to_np_dtype(TYPES[name])
    try:
        program = prepare(_model(trial, TYPES[name], arrays))
    except DeeployError:
        return False
    (got,) = program.run([a.astype(dtype) for a in arrays])
    number = TensorProto.BOOL if name == "i1" else TensorProto.INT8 if trial.integer else TensorProto.FLOAT
    evaluator = cast(Any, ReferenceEvaluator(_model(trial, number, arrays)))
    plain = helper.tensor_dtype_to_np_dtype(number)
    (expected,) = evaluator.run(None, {f"x{i}": a.astype(plain) for i, a in enumerate(arrays)})
    error = np.abs(got.astype(np.float64) - np.asarray(expected).astype(np.float64)).max()
    allowed = 0 if trial.exact else {"f16": 1e-3, "bf16": 8e-3}.get(name, 1e-6)
    assert error <= allowed, f"{trial.op_type} of {name} is off by {error}"
    return True


def kernel_types(kernel: str) -> tuple[str, ...]:
    """The element types that a kernel takes, of `TYPES`."""
    return tuple(name for name in TYPES if any(takes(trial, name) for trial in KERNELS[kernel]))
