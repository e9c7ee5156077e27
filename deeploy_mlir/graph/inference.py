"""Result types of ONNX operators, by ONNX's own shape inference on one node at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
from xdsl.dialects.builtin import IntegerType

from deeploy_mlir.dialects import onnx as onnx_dialect
from deeploy_mlir.graph.evaluate import MAX_EVALUATED_BYTES, type_bytes
from deeploy_mlir.graph.evaluate_onnx import run_reference
from deeploy_mlir.graph.types import AnyTensor, checked_tensor, element_of_onnx, tensor, type_proto
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, element_type_of, numpy_dtype

_SHAPE_DATA_ELEMENTS = 4096
_SHAPE_DATA_RANK = 1
_OBSERVED_ELEMENTS = 1 << 24
"""A node of more elements is not run for the sake of its shape."""
_SIZES = 8
"""A longer list of integers holds no sizes."""
_SAMPLE_RATE = ("MelWeightMatrix", 2)
_SIZED_BY_CONSTANTS = frozenset({"MaxUnpool"})
"""Operators whose result's shape ONNX does not always infer, and that depends on constants and the operands' shapes."""


def infer_types(
    op_type: str,
    inputs: Sequence[Value | None],
    attrs: Mapping[str, Any],
    node: str,
    wanted: Sequence[bool],
    declared: Sequence[AnyTensor | None] = (),
) -> list[AnyTensor | None]:
    """Types of the wanted outputs of an ONNX operator. Raises DeeployError if a shape depends on data, or misfits."""
    schema = onnx_dialect.OPERATORS[op_type].schema
    proto = onnx.NodeProto(op_type=op_type, name=node)
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    wide = _wide_integers(op_type, inputs)
    for index, value in enumerate(inputs):
        if value is None:
            proto.input.append("")
            continue
        name = f"i{index}"
        proto.input.append(name)
        found = value.type
        narrow = tensor(IntegerType(8), list(found.get_shape()))
        types[name] = type_proto(narrow if wide and (index == 0 or not _reduces(op_type)) else found)
        small = len(value.shape) <= _SHAPE_DATA_RANK and math.prod(value.shape) <= _SHAPE_DATA_ELEMENTS
        if value.is_constant and small:
            data[name] = onnx.numpy_helper.from_array(np.array(value.array()))
    proto.output.extend(f"o{i}" if want else "" for i, want in enumerate(wanted))
    for name, attribute in attrs.items():
        kind = cast(Any, int(cast(Any, schema.attributes[name].type).value))
        content: Any = attribute
        if isinstance(attribute, np.ndarray):
            content = onnx.numpy_helper.from_array(np.array(cast(Array, attribute)))
        proto.attribute.append(onnx.helper.make_attribute(name, content, attr_type=kind))
    opset = onnx.helper.make_opsetid("", onnx.defs.onnx_opset_version())
    try:
        inferred = onnx.shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=[opset])
    except Exception as error:  # onnx raises its own C++ exceptions
        text = str(error).strip().splitlines()
        raise DeeployError(f"{op_type} does not take these inputs: {text[-1] if text else error}", node) from None
    observed: list[AnyTensor | None] | None = None
    results: list[AnyTensor | None] = []
    for index, want in enumerate(wanted):
        fallback = declared[index] if index < len(declared) else None
        found: AnyTensor | None = None
        try:
            found = _static_type(inferred.get(f"o{index}"), None, node, index) if want else None
        except DeeployError:
            if _is_static(inferred.get(f"o{index}")):
                raise  # known, and not to be had
            if observed is None:
                observed = _observed_types(schema, proto, inputs)
            fallback = observed[index] if index < len(observed) and observed[index] is not None else fallback
            found = _static_type(inferred.get(f"o{index}"), fallback, node, index)
        if found is not None and wide and index == 0 and op_type in ("MaxPool", "ReduceMax", "ReduceMin"):
            found = tensor(cast(Value, inputs[0]).element_type, list(found.get_shape()))
        results.append(found)
    return results


def _observed_types(schema: Any, proto: onnx.NodeProto, inputs: Sequence[Value | None]) -> list[AnyTensor | None]:
    """Types by running the node: where all inputs are constants, or the operator is defined by others and only tensors
    of floats, which no shape depends on there, are unknown (zeros stand for them). Nothing where it cannot be run."""
    sized = schema.name in _SIZED_BY_CONSTANTS
    defined = sized or schema.has_function or schema.has_context_dependent_function
    if not defined and not all(value is None or value.is_constant for value in inputs):
        return []
    arrays: list[Array | None] = []
    for value in inputs:
        if value is None or value.is_constant:
            arrays.append(None if value is None else value.array())
        elif type_bytes(value.type) > MAX_EVALUATED_BYTES or (value.is_integer and not sized) or not value.shape:
            return []
        else:
            arrays.append(np.zeros(value.shape, numpy_dtype(value.element_type)))
    if _asked_elements(schema.name, arrays) > _OBSERVED_ELEMENTS:
        return []
    try:
        results = iter(run_reference(proto, arrays))
        return [tensor(element_type_of((r := next(results)).dtype), r.shape) if name else None for name in proto.output]
    except Exception:  # whatever the reference evaluator's numpy code raises; the caller says what is missing
        return []


def _asked_elements(op_type: str, arrays: Sequence[Array | None]) -> float:
    """A bound of the elements that short lists of integers among the operands may ask for, if they are sizes; the sum
    of those and of the operands' own elements."""
    total, asked = 0.0, 1.0
    for index, array in enumerate(arrays):
        if array is None:
            continue
        total += array.size
        if (op_type, index) != _SAMPLE_RATE and array.dtype.kind in "iu" and array.size <= _SIZES:
            asked *= math.prod(max(1.0, abs(float(v))) for v in array.reshape(-1))
    return total + (asked if asked > 1 else 0)


def _wide_integers(op_type: str, inputs: Sequence[Value | None]) -> bool:
    """Whether an operator that our dialect widens has integers that its ONNX schema does not take."""
    values = inputs[:1] if _reduces(op_type) else inputs
    return op_type in onnx_dialect.ANY_INTEGER and any(
        value is not None and value.is_integer and numpy_dtype(value.element_type).itemsize > 1 for value in values
    )


def _reduces(op_type: str) -> bool:
    """Whether the second operand is the axes."""
    return op_type.startswith("Reduce")


def _is_static(proto: onnx.TypeProto | None) -> bool:
    """Whether an inferred type is that of a tensor whose sizes are all known."""
    if proto is None or not proto.tensor_type.HasField("shape"):
        return False
    return all(dim.HasField("dim_value") for dim in proto.tensor_type.shape.dim)


def _static_type(proto: onnx.TypeProto | None, fallback: AnyTensor | None, node: str, index: int) -> AnyTensor:
    tensor_proto = None if proto is None else proto.tensor_type
    if tensor_proto is None or not tensor_proto.elem_type or not tensor_proto.HasField("shape"):
        if fallback is None:
            raise DeeployError(f"the shape of output {index} cannot be inferred and is not declared", node)
        return fallback
    shape: list[int] = []
    for axis, dim in enumerate(tensor_proto.shape.dim):
        if dim.HasField("dim_value"):
            shape.append(dim.dim_value)
        elif fallback is not None and len(fallback.get_shape()) == len(tensor_proto.shape.dim):
            shape.append(fallback.get_shape()[axis])
        else:
            raise DeeployError(
                f"dimension {axis} of output {index} depends on data; only shapes known beforehand can be compiled",
                node,
            )
    return checked_tensor(element_of_onnx(tensor_proto.elem_type, node), shape, f"{node}: output {index}")
