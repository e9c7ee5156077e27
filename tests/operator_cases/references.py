"""What the reference evaluator of onnx gets wrong, or does not know, done right.

Each class says what is wrong with the evaluator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from deeploy_mlir.support.numpy_types import Array

from ..by_onnxruntime import onnxruntime_session
from .builder import MICROSOFT, OPSET


def _by_onnxruntime(node: onnx.NodeProto, arrays: tuple[Array | None, ...]) -> tuple[Array, ...]:
    """What onnxruntime computes for a node."""
    given = {name: a for name, a in zip(node.input, arrays, strict=True) if a is not None}
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in given.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(helper.make_graph([node], "node", inputs, outputs), opset_imports=opsets, ir_version=10)
    return tuple(onnxruntime_session(model).run(None, given))


class ConvTranspose(OpRun):
    """The evaluator fails for many shapes, and is wrong with dilations."""

    op_domain = ""

    def _run(self, *arrays: Any, **_: Any) -> tuple[Array, ...]:  # type: ignore[override]
        return _by_onnxruntime(self.onnx_node, arrays)


class AveragePool(ConvTranspose):
    """The evaluator counts windows that begin in the padding with `ceil_mode`."""


class MaxPool(AveragePool):
    """As above."""


class LpPool(AveragePool):
    """As above."""


class DeformConv(ConvTranspose):
    """The evaluator is slow: loops over pixels in Python."""


class GlobalMaxPool(ConvTranspose):
    """The evaluator only reduces two spatial axes."""


class LpNormalization(ConvTranspose):
    """The evaluator takes sums, not sums of magnitudes, for p = 1."""


class QLinearAdd(ConvTranspose):
    """Unknown to the evaluator."""

    op_domain = MICROSOFT


class QLinearMul(QLinearAdd):
    """Unknown to the evaluator."""


def _with_lengths(own: Any) -> Any:
    """A recurrent operator whose evaluator ignores `sequence_lens`."""

    def run(self: Any, *arrays: Any, **attributes: Any) -> Any:
        if len(arrays) > 4 and arrays[4] is not None:
            return _by_onnxruntime(self.onnx_node, arrays)
        return own._run(self, *arrays, **attributes)

    return type(own.__name__.split("_")[0], (own,), {"_run": run, "op_domain": ""})


class LRN(OpRun):
    """The evaluator only takes images of two spatial axes."""

    op_domain = ""

    def _run(self, x: Array, alpha: float, beta: float, bias: float, size: int) -> tuple[Array]:  # type: ignore[override]
        square = np.square(x.astype(np.float64))
        total = np.zeros_like(square)
        for c in range(x.shape[1]):
            total[:, c] = square[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1].sum(1)
        return ((x / (bias + alpha / size * total) ** beta).astype(x.dtype),)


class ConvInteger(OpRun):
    """The evaluator does not take a zero point a channel for one spatial axis."""

    op_domain = ""

    def _run(self, x: Array, w: Array, x_zero: Any = 0, w_zero: Any = 0, **attributes: Any) -> tuple[Array]:  # type: ignore[override]
        from onnx.reference.ops.op_conv import Conv

        zero = np.asarray(0 if w_zero is None else w_zero, np.float64).reshape(-1, *[1] * (w.ndim - 1))
        centred = (x.astype(np.float64) - (0 if x_zero is None else x_zero), w - zero)
        own: Any = Conv
        return (own._run(self, *centred, **attributes)[0].astype(np.int32),)


class QLinearConv(OpRun):
    """The evaluator is wrong for one spatial axis, onnxruntime saturates sums of uint8 times int8 on some machines."""

    op_domain = ""

    def _run(  # type: ignore[override]
        self,
        x: Array,
        x_scale: Array,
        x_zero: Array,
        w: Array,
        w_scale: Array,
        w_zero: Array,
        y_scale: Array,
        y_zero: Array,
        bias: Any = None,
        **attributes: Any,
    ) -> tuple[Array]:
        own: Any = ConvInteger
        total = own._run(self, x, w, x_zero, w_zero, **attributes)[0].astype(np.float64)
        along = (-1, *[1] * (w.ndim - 2))
        if bias is not None:
            total += bias.reshape(along)
        scale = x_scale.astype(np.float64) * w_scale.astype(np.float64) / y_scale.astype(np.float64)
        steps = np.rint(total * scale.reshape(along)) + y_zero
        limits = np.iinfo(y_zero.dtype)
        return (np.clip(steps, limits.min, limits.max).astype(y_zero.dtype),)


class MatMulInteger(OpRun):
    """The evaluator does not take a zero point a row."""

    op_domain = ""

    def _run(self, a: Array, b: Array, a_zero: Any = None, b_zero: Any = None) -> tuple[Array]:  # type: ignore[override]
        wide = [m.astype(np.int32) for m in (a, b)]
        if a_zero is not None:
            wide[0] = wide[0] - (a_zero.astype(np.int32)[:, None] if a_zero.ndim else a_zero.astype(np.int32))
        if b_zero is not None:
            wide[1] = wide[1] - b_zero.astype(np.int32)
        return (np.matmul(*wide),)


class GatherElements(OpRun):
    """The evaluator does not take fewer indices than elements along the other axes."""

    op_domain = ""

    def _run(self, x: Array, at: Array, axis: int = 0) -> tuple[Array]:  # type: ignore[override]
        index: list[Any] = [*np.indices(at.shape)]
        index[axis] = at
        return (x[tuple(index)],)


class Pad(OpRun):
    """The evaluator does not take negative amounts, which cut."""

    op_domain = ""

    def _run(self, x: Array, pads: Array, value: Any = None, axes: Any = None, mode: str = "constant") -> tuple[Array]:  # type: ignore[override]
        named = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
        amounts = np.zeros((x.ndim, 2), np.int64)
        amounts[list(named)] = np.asarray(pads).reshape(2, -1).T
        cut = tuple(slice(max(0, -low), n - max(0, -high)) for n, (low, high) in zip(x.shape, amounts, strict=True))
        around: Any = np.maximum(amounts, 0)
        if mode == "constant":
            return (np.pad(x[cut], around, constant_values=0 if value is None else value.item()).astype(x.dtype),)
        how: Any = mode
        return (np.pad(x[cut], around, mode=how),)


class Mean(OpRun):
    """The evaluator does not broadcast the first operand."""

    op_domain = ""

    def _run(self, *arrays: Array) -> tuple[Array]:  # type: ignore[override]
        total = sum(arrays[1:], arrays[0])
        return ((total / np.float32(len(arrays))).astype(arrays[0].dtype),)


def _replacements() -> list[Any]:
    from onnx.reference.ops import op_gru, op_lstm, op_rnn

    recurrent = [_with_lengths(own) for own in (op_gru.GRU, op_lstm.LSTM, op_rnn.RNN_14)]
    pools = [AveragePool, MaxPool, LpPool, GlobalMaxPool]
    quantized = [QLinearConv, QLinearAdd, QLinearMul, ConvInteger, MatMulInteger]
    others = [ConvTranspose, DeformConv, LpNormalization, LRN, GatherElements, Mean, Pad]
    return [*others, *pools, *quantized, *recurrent]


def expected(model: onnx.ModelProto, values: Mapping[str, Array]) -> list[Array]:
    """The outputs of the model, in the types that it declares, if it does (the evaluator widens some integer sums).

    Models of onnxruntime's own operators only run there."""
    if all(node.domain == MICROSOFT for node in model.graph.node):
        return [np.asarray(array) for array in onnxruntime_session(model).run(None, dict(values))]
    evaluator: Any = ReferenceEvaluator(model, new_ops=_replacements())
    results: list[Any] = evaluator.run(None, dict(values))
    types = [value.type.tensor_type.elem_type for value in model.graph.output]
    return [
        np.asarray(result).astype(helper.tensor_dtype_to_np_dtype(kind)) if kind else np.asarray(result)
        for result, kind in zip(results, types, strict=True)
    ]
