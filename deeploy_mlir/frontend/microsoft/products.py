"""Matrix products: with transposed operands, an activation, integers, or weights of few bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import Array

_ACTIVATIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "Relu": ("Relu", ()),
    "Sigmoid": ("Sigmoid", ()),
    "Tanh": ("Tanh", ()),
    "LeakyRelu": ("LeakyRelu", ("alpha",)),
    "HardSigmoid": ("HardSigmoid", ("alpha", "beta")),
    "Gelu": ("Gelu", ()),
}
"""Activations that are fused: the standard operator, and its attributes in the order of the parameters."""


def activated(c: Calculation, y: Value, parameters: Sequence[float]) -> Value:
    """y through the node's attribute `activation`. Raises DeeployError for one that is not known."""
    name = str(c.node.attrs.get("activation", ""))
    if not name:
        return y
    if name == "Clip":
        return c.apply("Clip", y, *parameters)
    if name == "HardSwish":
        return c.apply("HardSwish", y)
    if name not in _ACTIVATIONS:
        raise c.error(f"with activation {name} is not supported")
    op_type, attributes = _ACTIVATIONS[name]
    return c.apply(op_type, y, **dict(zip(attributes, parameters, strict=False)))


def fused_gemm(c: Calculation) -> Sequence[Value]:
    """Gemm, then the activation."""
    attrs = {key: c.node.attrs[key] for key in ("alpha", "beta", "transA", "transB") if key in c.node.attrs}
    y = c.apply("Gemm", *c.node.inputs, **attrs)
    return [activated(c, y, _parameters(c))]


def _parameters(c: Calculation) -> list[float]:
    names = ("activation_alpha", "activation_beta", "activation_gamma")
    return [c.node.number(name) for name in names if name in c.node.attrs]


def gemm_fast_gelu(c: Calculation) -> Sequence[Value]:
    """The approximate Gelu of X W + bias."""
    y, bias = c.apply("MatMul", c.node.required(0), c.node.required(1)), c.node.input(2)
    return [c.apply("Gelu", y if bias is None else c.plus(y, bias), approximate="tanh")]


def _matrices(c: Calculation, value: Value, swapped: bool, batch: bool) -> Value:
    """The operand of a FusedMatMul as MatMul takes it.

    `swapped`: its last two axes are exchanged. `batch`: its first axis, which counts the rows, stands before the
    batch."""
    rank = len(value.shape)
    order = list(range(rank))
    if batch and rank > 2:
        order = [*range(1, rank - 1), 0, rank - 1]
    if swapped and rank > 1:
        order[-2:] = order[:-3:-1]
    return value if order == list(range(rank)) else c.transpose(value, order)


def fused_matmul(c: Calculation) -> Sequence[Value]:
    """alpha times the product of operands that may be transposed, then the activation."""
    node = c.node
    a, b = (
        _matrices(
            c, node.required(i), bool(node.integer(f"trans{side}", 0)), bool(node.integer(f"transBatch{side}", 0))
        )
        for i, side in enumerate("AB")
    )
    return [activated(c, c.times(c.apply("MatMul", a, b), node.number("alpha", 1.0)), _parameters(c))]


def integer_product(
    c: Calculation, a: Value, b: Value, zeros: Sequence[Value | None], scales: Sequence[Value], bias: Value | None
) -> Value:
    """The product of integers as floats, by both scales, plus a float bias."""
    sums = c.apply("MatMulInteger", a, b, *zeros)
    y = c.times(c.cast(sums, scales[0].element_type), c.times(*scales))
    return y if bias is None else c.plus(y, bias)


def matmul_integer_to_float(c: Calculation) -> Sequence[Value]:
    """A product of integers, as floats."""
    node = c.node
    scales, zeros = [node.required(2), node.required(3)], [node.input(4), node.input(5)]
    return [integer_product(c, node.required(0), node.required(1), zeros, scales, node.input(6))]


def dynamic_quantize_matmul(c: Calculation) -> Sequence[Value]:
    """A is quantised to its own range when the network runs."""
    node = c.node
    a, a_scale, a_zero = c.emitter.onnx("DynamicQuantizeLinear", [node.required(0)], {}, node.name, [True, True, True])
    zeros, scales = [a_zero, node.input(3)], [a_scale, node.required(2)]
    return [integer_product(c, a, node.required(1), zeros, scales, node.input(4))]


def matmul_integer_16(c: Calculation) -> Sequence[Value]:
    """A product of integers of 16 bits whose sums have 32."""
    wide = [c.apply("Cast", c.node.required(i), to=6) for i in (0, 1)]
    return [c.apply("MatMul", *wide)]


def unpacked(array: Array, bits: int) -> Array:
    """uint8 elements that hold several of `bits` bits each, lowest first, as one element each along the last axis."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    each = (array[..., None] >> shifts) & ((1 << bits) - 1)
    return each.reshape(*array.shape[:-1], -1)


def matmul_n_bits(c: Calculation) -> Sequence[Value]:
    """A times the transpose of B [N, blocks, bytes], which holds `bits` bits per element in blocks along K."""
    node = c.node
    a, packed, scale = node.required(0), node.constant_input(1), node.required(2)
    n, k, bits, block = (node.integer(name) for name in ("N", "K", "bits", "block_size"))
    if packed is None or bits not in (2, 4, 8):
        raise c.error(f"of {bits} bits is not supported")
    blocks = -(-k // block)
    integers = unpacked(packed.reshape(n, -1), bits)[:, : blocks * block].reshape(n, blocks, block)
    zero = node.constant_input(3)
    if zero is None:
        zeros = np.full((n, blocks), 1 << (bits - 1), np.float64)
    elif zero.dtype == np.uint8:
        zeros = unpacked(zero.reshape(n, -1), bits)[:, :blocks].astype(np.float64)
    else:
        zeros = zero.reshape(n, blocks).astype(np.float64)
    weights = (integers - zeros[:, :, None]) * scale.array().reshape(n, blocks, 1).astype(np.float64)
    real = weights.reshape(n, -1)[:, :k].T.astype(np.float32)
    weight = c.emitter.constant(np.ascontiguousarray(real), f"{node.name}_weights")
    y = c.apply("MatMul", a, c.cast(weight, a.element_type))
    bias = node.input(5)
    return [y if bias is None else c.plus(y, bias)]


_FP4 = np.array([0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4], np.float32)
_NF4 = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334),
    *(-0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
_FOUR_BIT_FLOATS: Mapping[int, Array] = {0: np.concatenate([_FP4, -_FP4]), 1: np.array(_NF4, np.float32)}
"""What each of 16 codes means, by `quant_type`: FP4 and NF4 of bitsandbytes (Dettmers et al., QLoRA, appendix E)."""


def matmul_bnb4(c: Calculation) -> Sequence[Value]:
    """A times the transpose of B [N, K], whose elements are codes of 4 bits, two a byte, first the upper half, and
    fractions of the largest magnitude of their block."""
    node = c.node
    packed, scale = node.constant_input(1), node.required(2).array()
    n, k, block, kind = (node.integer(name) for name in ("N", "K", "block_size", "quant_type"))
    if packed is None or kind not in _FOUR_BIT_FLOATS:
        raise c.error(f"with quant_type = {kind} is not supported")
    if block < 1 or packed.size != -(-n * k // 2) or scale.size != -(-n * k // block):
        raise c.error(f"has {packed.size} bytes and {scale.size} scales for {n} x {k} codes in blocks of {block}")
    block = min(block, n * k)
    codes = unpacked(packed.reshape(-1, 1), 4)[:, ::-1].reshape(-1)[: n * k]
    weights = _FOUR_BIT_FLOATS[kind][codes] * np.repeat(scale.reshape(-1), block)[: n * k]
    weight = c.emitter.constant(weights.reshape(n, k).T.astype(np.float32), f"{node.name}_weights")
    a = node.required(0)
    return [c.apply("MatMul", a, c.cast(weight, a.element_type))]
