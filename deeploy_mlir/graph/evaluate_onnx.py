"""The `onnx` operations on numpy: convolution and matrix products by our own exact code, the rest by onnx.reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import ml_dtypes
import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import TensorType

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

_Args = Sequence[Array | None]

_EXACT_IN_DOUBLE = 2.0**53


class HasAttributes(Protocol):
    """Anything whose attributes are asked for by name."""

    def attr(self, name: str, default: Any = None) -> Any:
        """The attribute, or `default`."""
        ...


def window_geometry(
    op: HasAttributes, spatial: Sequence[int], kernel: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    """Strides, dilations and pads (all begins, then all ends) of a windowed operator, `auto_pad` resolved."""
    rank = len(spatial)
    strides: list[int] = op.attr("strides") or [1] * rank
    dilations: list[int] = op.attr("dilations") or [1] * rank
    pads: list[int] = op.attr("pads") or [0] * (2 * rank)
    mode: str = op.attr("auto_pad")
    if mode == "VALID":
        pads = [0] * (2 * rank)
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        begins: list[int] = []
        ends: list[int] = []
        for size, k, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True):
            extent = (k - 1) * dilation + 1
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            small, large = total // 2, total - total // 2
            begins.append(small if mode == "SAME_UPPER" else large)
            ends.append(large if mode == "SAME_UPPER" else small)
        pads = begins + ends
    return strides, dilations, pads


def _product(a: Array, b: Array) -> Array:
    """a @ b in float64, or in int64 where a sum could pass 2^53."""
    if a.dtype.kind in "iu" and a.size and b.size:
        bound = float(np.abs(a).max()) * float(np.abs(b).max()) * a.shape[-1]
        if bound >= _EXACT_IN_DOUBLE:
            return np.matmul(a.astype(np.int64), b.astype(np.int64))
        return np.rint(np.matmul(a.astype(np.float64), b.astype(np.float64))).astype(np.int64)
    return np.matmul(a.astype(np.float64), b.astype(np.float64))


def convolve(op: GraphOp, x: Array, w: Array) -> Array:
    """Grouped convolution of x [N, C, spatial...] with w [M, C/group, kernel...] in 64 bits (int or float)."""
    kernel = w.shape[2:]
    rank, group = len(kernel), op.attr("group", 1)
    strides, dilations, pads = window_geometry(op, x.shape[2:], kernel)
    widths = [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)]
    wide = np.int64 if x.dtype.kind in "iu" else np.float64
    padded = np.pad(x.astype(wide), widths)
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    windows = sliding_window_view(padded, extents, axis=tuple(range(2, 2 + rank)))
    index = (slice(None), slice(None), *(slice(None, None, s) for s in strides))
    windows = windows[(*index, *(slice(None, None, d) for d in dilations))]
    n, out = x.shape[0], windows.shape[2 : 2 + rank]
    order = (0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
    columns = windows.transpose(order).reshape(n, int(np.prod(out)), group, -1).transpose(0, 2, 1, 3)
    weights = w.reshape(group, w.shape[0] // group, -1).transpose(0, 2, 1)
    y = _product(columns, weights[None])
    return y.transpose(0, 1, 3, 2).reshape(n, w.shape[0], *out)


def _less_zero_point(values: Array, zero_point: Array | None, axis: int) -> Array:
    wide = values.astype(np.int64)
    if zero_point is None:
        return wide
    point = zero_point.astype(np.int64)
    if point.ndim == 1 and point.size > 1:
        shape = [1] * values.ndim
        shape[axis] = point.size
        point = point.reshape(shape)
    return wide - (point if point.size > 1 else point.reshape(()))


def _conv(op: OnnxOp, args: _Args) -> Array:
    x, w = cast(Array, args[0]), cast(Array, args[1])
    y = convolve(op, x, w)
    if len(args) > 2 and args[2] is not None:
        y = y + args[2].astype(y.dtype).reshape(-1, *[1] * (y.ndim - 2))
    return y


def _conv_integer(op: OnnxOp, args: _Args) -> Array:
    x, w, x_zero, w_zero = (*args, None, None)[:4]
    assert x is not None
    assert w is not None
    return convolve(op, _less_zero_point(x, x_zero, 1), _less_zero_point(w, w_zero, 0))


def _q_linear_conv(op: OnnxOp, args: _Args) -> Array:
    """The reference evaluator broadcasts scales of channels to two spatial axes only."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = (cast(Array, arg) for arg in args[:8])
    bias = args[8] if len(args) > 8 else None
    sums = convolve(op, _less_zero_point(x, x_zero, 1), _less_zero_point(w, w_zero, 0))
    along = (-1, *[1] * (sums.ndim - 2))
    if bias is not None:
        sums = sums + bias.astype(np.int64).reshape(along)
    factor = x_scale.astype(np.float64) * w_scale.astype(np.float64).reshape(along) / y_scale.astype(np.float64)
    info = np.iinfo(y_zero.dtype)
    return np.clip(np.rint(sums * factor) + y_zero.astype(np.float64), info.min, info.max)


def _matmul(op: OnnxOp, args: _Args) -> Array:
    return _product(cast(Array, args[0]), cast(Array, args[1]))


def _matmul_integer(op: OnnxOp, args: _Args) -> Array:
    a, b, a_zero, b_zero = (*args, None, None)[:4]
    assert a is not None
    assert b is not None
    return _product(_less_zero_point(a, a_zero, -2), _less_zero_point(b, b_zero, -1))


def _gemm(op: OnnxOp, args: _Args) -> Array:
    a, b = cast(Array, args[0]), cast(Array, args[1])
    y = op.attr("alpha") * _product(a.T if op.attr("transA") else a, b.T if op.attr("transB") else b)
    return y if len(args) < 3 or args[2] is None else y + op.attr("beta") * args[2].astype(np.float64)


def _max_pool(op: OnnxOp, args: _Args) -> Array:
    """Maximum over windows with the padding left out, in the type of the operand; `ceil_mode` is honoured."""
    x = cast(Array, args[0])
    kernel: list[int] = op.attr("kernel_shape")
    rank = len(kernel)
    strides, dilations, pads = window_geometry(op, x.shape[2:], kernel)
    shape = cast("TensorType[Any]", op.results[0].type).get_shape()
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    widths: list[tuple[int, int]] = [(0, 0), (0, 0)]
    for i in range(rank):
        needed = (shape[2 + i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        widths.append((pads[i], max(pads[rank + i], needed - x.shape[2 + i] - pads[i])))
    padded = np.pad(x, widths, constant_values=lowest)
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    windows = sliding_window_view(padded, extents, axis=tuple(range(2, 2 + rank)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, s) for s in strides))]
    windows = windows[tuple([slice(None)] * (2 + rank)) + tuple(slice(None, None, d) for d in dilations)]
    return windows.max(axis=tuple(range(2 + rank, 2 + 2 * rank)))[tuple(slice(0, n) for n in shape)]


_OWN: dict[str, Callable[[OnnxOp, _Args], Array]] = {
    "Conv": _conv,
    "ConvInteger": _conv_integer,
    "QLinearConv": _q_linear_conv,
    "MatMul": _matmul,
    "MatMulInteger": _matmul_integer,
    "Gemm": _gemm,
    "MaxPool": _max_pool,
}


def node_proto(op: OnnxOp) -> onnx.NodeProto:
    """The operation as an ONNX node with inputs `i0, i1 ...` ("" where absent) and outputs `o0 ...`."""
    node = onnx.NodeProto()
    node.op_type, node.name = op.op_type, op.node_name
    node.input.extend("" if value is None else f"i{k}" for k, value in enumerate(op.inputs))
    node.output.extend("" if value is None else f"o{k}" for k, value in enumerate(op.outputs))
    for name, value in op.python_attrs().items():
        kind = int(cast(Any, op.schema.attributes[name].type).value)
        if isinstance(value, np.ndarray):
            value = onnx.numpy_helper.from_array(np.array(cast(Array, value)))
        node.attribute.append(onnx.helper.make_attribute(name, value, attr_type=cast(Any, kind)))
    return node


def run_reference(node: onnx.NodeProto, args: _Args) -> list[Array]:
    """The computed outputs of one node by ONNX's reference evaluator. Raises whatever its numpy code raises."""
    opset = onnx.defs.onnx_opset_version()
    graph = onnx.helper.make_graph(
        [node],
        "node",
        [
            onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in zip(node.input, args, strict=False)
            if array is not None
        ],
        [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    feeds = {name: np.array(array) for name, array in zip(node.input, args, strict=False) if array is not None}
    evaluator: Any = ReferenceEvaluator(model)
    with np.errstate(all="ignore"):  # infinities and what is no number are values here as others are
        return [np.asarray(value) for value in cast("list[Array]", evaluator.run(None, feeds))]


def _grouped_conv_transpose(op: OnnxOp, args: _Args) -> list[Array]:
    """A grouped ConvTranspose, which the reference evaluator gets wrong, as one of each group."""
    x, w = cast(Array, args[0]), cast(Array, args[1])
    bias = args[2] if len(args) > 2 else None
    group = int(op.attr("group"))
    node = node_proto(op)
    for attribute in node.attribute:
        if attribute.name == "group":
            attribute.i = 1
    parts: list[Array] = []
    for index, (xs, ws) in enumerate(zip(np.split(x, group, axis=1), np.split(w, group, axis=0), strict=True)):
        bs = None if bias is None else np.split(bias, group)[index]
        parts.append(run_reference(node, [xs, ws, bs])[0])
    return [np.concatenate(parts, axis=1)]


def evaluate_onnx(op: OnnxOp, args: _Args) -> list[Array]:
    """The results of an `onnx` operation on operand values by position (None where absent), in its results' types.

    Raises DeeployError if the operator has no implementation."""
    own = _OWN.get(op.op_type)
    try:
        if own is not None and len(op.results) == 1:
            values = [own(op, args)]
        else:
            grouped = op.op_type == "ConvTranspose" and op.attr("group") != 1
            values = _grouped_conv_transpose(op, args) if grouped else run_reference(node_proto(op), args)
    except Exception as error:  # numpy code raises whatever it does
        raise DeeployError(f"cannot be evaluated: {type(error).__name__}: {error}", op.node_name) from error
    results: list[Array] = []
    for value, result in zip(values, op.results, strict=True):
        type_ = cast("TensorType[Any]", result.type)
        if value.size != math.prod(type_.get_shape()):
            raise DeeployError(f"gives shape {list(value.shape)}, but {type_} is inferred", op.node_name)
        results.append(_cast(value, numpy_dtype(type_.element_type)).reshape(type_.get_shape()))
    return results


def _cast(value: Array, dtype: np.dtype[Any]) -> Array:
    if value.dtype == dtype:
        return value
    if dtype == np.dtype(ml_dtypes.bfloat16) and value.dtype == np.float64:
        value = value.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return value.astype(dtype)
