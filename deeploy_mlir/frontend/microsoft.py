"""Operators of the domain com.microsoft, as onnxruntime's quantiser and optimiser write them.

The quantised ones become DequantizeLinear, the standard operator, QuantizeLinear, which is how they are defined; the
pass `deeploy-qdq-to-integer` finds the integers again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeploy_mlir.frontend.legacy import explicit_window
from deeploy_mlir.frontend.node import Node, Rule
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

DOMAIN = "com.microsoft"

STANDARD_NAMES = frozenset({"DequantizeLinear", "LayerNormalization", "QuantizeLinear", "Trilu"})
"""Operators of the domain that mean what the standard's operator of that name does."""


def _real(emitter: Emitter, node: Node, index: int, axis: int = 1) -> Value:
    """DequantizeLinear of the integers, scale and zero point at this position and the next two."""
    inputs = [node.required(index), node.required(index + 1), node.input(index + 2)]
    return emitter.onnx("DequantizeLinear", inputs, {"axis": axis}, node.name)[0]


def _quantized(emitter: Emitter, node: Node, real: Value, index: int) -> list[Value]:
    """QuantizeLinear by the scale and the zero point at this position and the next."""
    return emitter.onnx("QuantizeLinear", [real, node.required(index), node.input(index + 1)], {}, node.name)


def _binary(op_type: str) -> Rule:
    def rule(emitter: Emitter, node: Node) -> list[Value]:
        operands = [_real(emitter, node, 0), _real(emitter, node, 3)]
        return _quantized(emitter, node, emitter.onnx(op_type, operands, {}, node.name)[0], 6)

    return rule


def _unary(op_type: str, *names: str) -> Rule:
    """X, X_scale, X_zero_point, Y_scale, Y_zero_point, and attributes of the standard operator."""

    def rule(emitter: Emitter, node: Node) -> list[Value]:
        if node.integer("channels_last", 0):
            raise DeeployError(f"{node.op_type} with channels_last is not supported", node.name)
        x = _real(emitter, node, 0)
        inner = Node(op_type, "", node.name, [x], {k: node.attrs[k] for k in names if k in node.attrs}, ("y",), 21)
        if op_type == "AveragePool":
            explicit_window(inner)
        return _quantized(emitter, node, emitter.onnx(op_type, inner.inputs, inner.attrs, node.name)[0], 3)

    return rule


def _concat(emitter: Emitter, node: Node) -> list[Value]:
    parts = [_real(emitter, node, index) for index in range(2, len(node.inputs), 3)]
    joined = emitter.onnx("Concat", parts, {"axis": node.integer("axis")}, node.name)[0]
    return _quantized(emitter, node, joined, 0)


def _gemm(emitter: Emitter, node: Node) -> list[Value]:
    """The bias is i32 in units of alpha * a_scale * b_scale; without y_scale the result is float."""
    alpha, swapped = node.number("alpha", 1.0), node.integer("transB", 0)
    attrs: dict[str, Any] = {"alpha": alpha, "transA": node.integer("transA", 0), "transB": swapped}
    operands: list[Value | None] = [_real(emitter, node, 0), _real(emitter, node, 3, axis=0 if swapped else 1)]
    bias = node.input(6)
    if bias is not None:
        scale = node.required(1).array().astype(np.float64) * node.required(4).array() * alpha
        scale_value = emitter.constant(scale.astype(np.float32), f"{node.name}_bias_scale")
        axis = len(bias.shape) - 1
        operands.append(emitter.onnx("DequantizeLinear", [bias, scale_value], {"axis": axis}, node.name)[0])
    y = emitter.onnx("Gemm", operands, attrs, node.name)
    return y if node.input(7) is None else _quantized(emitter, node, y[0], 7)


def _where(emitter: Emitter, node: Node) -> list[Value]:
    condition, x, y = node.required(0), _real(emitter, node, 1), _real(emitter, node, 4)
    return _quantized(emitter, node, emitter.onnx("Where", [condition, x, y], {}, node.name)[0], 7)


def _integer_product(
    emitter: Emitter, node: Node, a: Value, b: Value, zeros: list[Value | None], scales: list[Value], bias: Value | None
) -> list[Value]:
    """The product of integers as floats, by both scales, plus a float bias."""
    sums = emitter.onnx("MatMulInteger", [a, b, *zeros], {}, node.name)[0]
    scale = emitter.onnx("Mul", scales, {}, node.name)[0]
    real = emitter.as_type(sums, scales[0].element_type, node.name)
    y = emitter.onnx("Mul", [real, scale], {}, node.name)
    return y if bias is None else emitter.onnx("Add", [y[0], bias], {}, node.name)


def _matmul_integer_to_float(emitter: Emitter, node: Node) -> list[Value]:
    scales = [node.required(2), node.required(3)]
    zeros = [node.input(4), node.input(5)]
    return _integer_product(emitter, node, node.required(0), node.required(1), zeros, scales, node.input(6))


def _dynamic_quantize_matmul(emitter: Emitter, node: Node) -> list[Value]:
    """A is quantised to its own range when the network runs."""
    wanted = [True, True, True]
    a, a_scale, a_zero = emitter.onnx("DynamicQuantizeLinear", [node.required(0)], {}, node.name, wanted)
    zeros, scales = [a_zero, node.input(3)], [a_scale, node.required(2)]
    return _integer_product(emitter, node, a, node.required(1), zeros, scales, node.input(4))


def _dynamic_quantize_lstm(emitter: Emitter, node: Node) -> list[Value]:
    raise DeeployError(
        f"{node.op_type} quantises its state anew at each step, which is not supported; quantise the network without "
        "it (op_types_to_quantize of onnxruntime's quantize_dynamic), so that its LSTM stays float",
        node.name,
    )


def _matmul_n_bits(emitter: Emitter, node: Node) -> list[Value]:
    """A times the transpose of B [N, blocks, bytes], which holds `bits` bits an element in blocks along K."""
    a, packed, scale = node.required(0), node.constant_input(1), node.required(2)
    n, k, bits, block = (node.integer(name) for name in ("N", "K", "bits", "block_size"))
    if packed is None or bits not in (2, 4, 8) or node.input(4) is not None:
        raise DeeployError(f"{node.op_type} of {bits} bits, or with g_idx, is not supported", node.name)
    blocks = -(-k // block)

    def unpacked(array: Array, count: int) -> Array:
        """The elements of each of the N rows, lowest bits first."""
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        return ((array.reshape(n, -1, 1) >> shifts) & ((1 << bits) - 1)).reshape(n, -1)[:, :count]

    zero = node.constant_input(3)
    if zero is None:
        zeros = np.full((n, blocks), 1 << (bits - 1), np.float64)
    elif zero.dtype == np.uint8:
        zeros = unpacked(zero, blocks).astype(np.float64)
    else:
        zeros = zero.reshape(n, blocks).astype(np.float64)
    weights = unpacked(packed, blocks * block).reshape(n, blocks, block) - zeros[:, :, None]
    weights = weights * scale.array().reshape(n, blocks, 1).astype(np.float64)
    real = weights.reshape(n, -1)[:, :k].T.astype(np.float32)
    b = emitter.as_type(emitter.constant(np.ascontiguousarray(real), f"{node.name}_weights"), a.element_type, node.name)
    y = emitter.onnx("MatMul", [a, b], {}, node.name)
    bias = node.input(5)
    return y if bias is None else emitter.onnx("Add", [y[0], bias], {}, node.name)


def _swap_last(emitter: Emitter, value: Value, node: Node) -> Value:
    rank = len(value.shape)
    perm = [*range(rank - 2), rank - 1, rank - 2]
    return emitter.onnx("Transpose", [value], {"perm": perm}, node.name)[0]


def _fused_matmul(emitter: Emitter, node: Node) -> list[Value]:
    if node.integer("transBatchA", 0) or node.integer("transBatchB", 0):
        raise DeeployError("FusedMatMul with transposed batches is not supported", node.name)
    operands = [
        _swap_last(emitter, value, node) if node.integer(flag, 0) and len(value.shape) > 1 else value
        for value, flag in ((node.required(0), "transA"), (node.required(1), "transB"))
    ]
    y = emitter.onnx("MatMul", operands, {}, node.name)
    alpha = node.number("alpha", 1.0)
    if alpha == 1.0:
        return y
    factor = emitter.as_type(emitter.constant(np.asarray(alpha), f"{node.name}_alpha"), y[0].element_type, node.name)
    return emitter.onnx("Mul", [y[0], factor], {}, node.name)


_ACTIVATIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "Relu": ("Relu", ()),
    "Sigmoid": ("Sigmoid", ()),
    "Tanh": ("Tanh", ()),
    "LeakyRelu": ("LeakyRelu", ("alpha",)),
    "HardSigmoid": ("HardSigmoid", ("alpha", "beta")),
}


def _activated(emitter: Emitter, node: Node, y: Value, parameters: Sequence[float]) -> list[Value]:
    name = str(node.attrs.get("activation", ""))
    if not name:
        return [y]
    if name == "Clip":
        low, high = (
            emitter.as_type(emitter.constant(np.asarray(bound), f"{node.name}_bound"), y.element_type, node.name)
            for bound in parameters
        )
        return emitter.onnx("Clip", [y, low, high], {}, node.name)
    if name not in _ACTIVATIONS:
        raise DeeployError(f"{node.op_type} with activation {name} is not supported", node.name)
    op_type, attributes = _ACTIVATIONS[name]
    return emitter.onnx(op_type, [y], dict(zip(attributes, parameters, strict=False)), node.name)


def _fused_conv(emitter: Emitter, node: Node) -> list[Value]:
    """Conv, then the sum with Z if there is one, then the activation."""
    known = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    attrs = {key: node.attrs[key] for key in known if key in node.attrs}
    inner = Node("Conv", "", node.name, node.inputs[:3], attrs, ("y",), 21)
    explicit_window(inner)
    (y,) = emitter.onnx("Conv", inner.inputs, inner.attrs, node.name)
    addend = node.input(3)
    if addend is not None:
        (y,) = emitter.onnx("Add", [y, addend], {}, node.name)
    return _activated(emitter, node, y, [float(p) for p in node.attrs.get("activation_params", [])])


def _fused_gemm(emitter: Emitter, node: Node) -> list[Value]:
    attrs = {key: node.attrs[key] for key in ("alpha", "beta", "transA", "transB") if key in node.attrs}
    (y,) = emitter.onnx("Gemm", node.inputs, attrs, node.name)
    parameters = [node.number(key) for key in ("activation_alpha", "activation_beta") if key in node.attrs]
    return _activated(emitter, node, y, parameters)


def _gelu(emitter: Emitter, node: Node) -> list[Value]:
    approximate = "tanh" if node.op_type == "FastGelu" else "none"
    x, bias = node.required(0), node.input(1)
    if bias is not None:
        (x,) = emitter.onnx("Add", [x, bias], {}, node.name)
    return emitter.onnx("Gelu", [x], {"approximate": approximate}, node.name)


def _quick_gelu(emitter: Emitter, node: Node) -> list[Value]:
    return emitter.onnx("Swish", [node.required(0)], {"alpha": node.number("alpha", 1.702)}, node.name)


def _skip_norm(norm: str) -> Rule:
    """The norm of input + skip (+ bias); the sum is the fourth output."""

    def rule(emitter: Emitter, node: Node) -> list[Value]:
        simplified = norm == "RMSNormalization"
        (total,) = emitter.onnx("Add", [node.required(0), node.required(1)], {}, node.name)
        bias = node.input(3 if simplified else 4)
        if bias is not None:
            (total,) = emitter.onnx("Add", [total, bias], {}, node.name)
        parameters = [total, node.required(2), *([] if simplified else [node.input(3)])]
        attrs = {"axis": -1, "epsilon": node.number("epsilon", 1e-12)}
        if any(node.outputs[1:3]):
            raise DeeployError(f"{node.op_type} with mean and variance as outputs is not supported", node.name)
        (y,) = emitter.onnx(norm, parameters, attrs, node.name)
        return [y, total] if len(node.outputs) > 3 and node.outputs[3] else [y]

    return rule


RULES: dict[str, Rule] = {
    "QLinearAdd": _binary("Add"),
    "QLinearMul": _binary("Mul"),
    "QLinearAveragePool": _unary(
        "AveragePool", "auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"
    ),
    "QLinearGlobalAveragePool": _unary("GlobalAveragePool"),
    "QLinearLeakyRelu": _unary("LeakyRelu", "alpha"),
    "QLinearSigmoid": _unary("Sigmoid"),
    "QLinearSoftmax": _unary("Softmax", "axis"),
    "QLinearConcat": _concat,
    "QGemm": _gemm,
    "QLinearWhere": _where,
    "MatMulIntegerToFloat": _matmul_integer_to_float,
    "DynamicQuantizeMatMul": _dynamic_quantize_matmul,
    "DynamicQuantizeLSTM": _dynamic_quantize_lstm,
    "MatMulNBits": _matmul_n_bits,
    "FusedMatMul": _fused_matmul,
    "FusedConv": _fused_conv,
    "FusedGemm": _fused_gemm,
    "Gelu": _gelu,
    "BiasGelu": _gelu,
    "FastGelu": _gelu,
    "QuickGelu": _quick_gelu,
    "SkipLayerNormalization": _skip_norm("LayerNormalization"),
    "SkipSimplifiedLayerNormalization": _skip_norm("RMSNormalization"),
}
"""Operator type -> how it is built."""
