"""Matrix products of floats and integers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import MatmulOp, shape_of
from deeploy_mlir.ir.affine_maps import broadcast, select
from deeploy_mlir.ir.constants import constant_of, name_hint
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.zero_points import shifted, zero_point_of


def product(
    b: LayerBuilder,
    left: SSAValue,
    right: SSAValue,
    shape: Sequence[int],
    *,
    transposed: tuple[bool, bool] = (False, False),
    extras: Sequence[SSAValue] = (),
    extra_maps: Sequence[AffineMap] = (),
    function: BodyFunction | None = None,
) -> SSAValue:
    """A `kernel.matmul` of operands that have the rank of the result `shape`.

    `function` gives the epilogue from the accumulator and the extras, all in their arithmetic types."""
    properties = {name: UnitAttr() for name, t in zip(("transpose_a", "transpose_b"), transposed, strict=True) if t}
    out = b.empty(shape, b.result_element)
    plain = MatmulOp([left, right], out, layer=b.layer, properties=dict(properties))
    return b.with_epilogue(plain, function, extras, extra_maps)


def batched(b: LayerBuilder, left: SSAValue, right: SSAValue, correction: SSAValue | None = None) -> SSAValue:
    """numpy's matmul of two tensors, with `correction` [n] added to each row of the result.

    A right operand without a batch is multiplied by all rows of the left one at once."""
    if not shape_of(left) or not shape_of(right):
        raise b.error("multiplies scalars")
    if len(shape_of(left)) == 1:
        left = b.reshape(left, [1, *shape_of(left)])
    if len(shape_of(right)) == 1:
        right = b.reshape(right, [*shape_of(right), 1])
    a, w = shape_of(left), shape_of(right)
    if a[-1] != w[-2]:
        raise b.error(f"multiplies {left.type} by {right.type}: {a[-1]} columns by {w[-2]} rows")
    batch = list(np.broadcast_shapes(a[:-2], w[:-2]))
    shape = [*batch, a[-2], w[-1]]
    if prod(w[:-2]) == 1:
        left, right = b.reshape(left, [prod(a[:-1]), a[-1]]), b.reshape(right, w[-2:])
        shape = [prod(a[:-1]), w[-1]]
    elif a[:-2] == w[:-2]:
        count = prod(batch)
        left, right = b.reshape(left, [count, *a[-2:]]), b.reshape(right, [count, *w[-2:]])
        shape = [count, *shape[-2:]]
    else:
        left = b.reshape(left, [*[1] * (len(shape) - len(a)), *a])
        right = b.reshape(right, [*[1] * (len(shape) - len(w)), *w])
    if correction is None:
        value = product(b, left, right, shape)
    else:
        value = product(
            b,
            left,
            right,
            shape,
            extras=[correction],
            extra_maps=[select(len(shape), [len(shape) - 1])],
            function=lambda body, v: body.add(v[0], v[1]),
        )
    return b.reshape(value, b.result_shape)


def matmul(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.MatMul on floats or wide integers, by numpy's rules."""
    return [batched(b, op.required("A"), op.required("B"))]


def matmul_integer(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.MatMulInteger: sums of (a - a_zero_point) * (b - b_zero_point) in i32."""
    left, right = op.required("A"), op.required("B")
    right = shifted(b, right, op.input("b_zero_point"), axis=-1)
    zero = zero_point_of(op.input("a_zero_point"))
    weights = constant_of(right)
    if zero == 0:
        return [batched(b, left, right)]
    if zero is None or weights is None or weights.ndim != 2:
        return [batched(b, shifted(b, left, op.input("a_zero_point"), axis=-2), right)]
    sums = (-zero * weights.astype(np.int64).sum(axis=0)).astype(np.int32)
    return [batched(b, left, right, b.constant(sums, f"{name_hint(right, b.layer)}_zero_point"))]


def gemm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Gemm: alpha * A' * B' + beta * C, C broadcast to the result. A may have a batch (not in ONNX)."""
    left, right, bias = op.required("A"), op.required("B"), op.input("C")
    if not is_float(b.result_element):
        raise b.error("on integers must be a MatMulInteger; give the types of the network's inputs")
    transposed = bool(op.attr("transA")), bool(op.attr("transB"))
    alpha, beta = float(op.attr("alpha")), float(op.attr("beta"))
    shape = b.result_shape
    if bias is not None:
        added = shape_of(bias)
        if len(added) > len(shape) or any(n not in (1, m) for n, m in zip(added[::-1], shape[::-1], strict=False)):
            raise b.error(f"adds {bias.type}, which does not broadcast to {op.results[0].type}")
    if len(shape) > 2 and len(shape_of(right)) == 2:
        right = b.reshape(right, [*[1] * (len(shape) - 2), *shape_of(right)])

    def epilogue(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = v[0] if alpha == 1 else body.mul(v[0], body.constant(alpha, v[0].type))
        if len(v) == 1:
            return value
        added = body.cast(v[1], value.type)
        return body.add(value, added if beta == 1 else body.mul(added, body.constant(beta, value.type)))

    extras = [bias] if bias is not None and beta != 0 else []
    maps = [broadcast(shape_of(e), shape) for e in extras]
    plain = alpha == 1 and not extras
    return [
        product(
            b,
            left,
            right,
            shape,
            transposed=transposed,
            extras=extras,
            extra_maps=maps,
            function=None if plain else epilogue,
        )
    ]


RULES: dict[str, Rule] = {
    "onnx.MatMul": matmul,
    "onnx.MatMulInteger": matmul_integer,
    "onnx.Gemm": gemm,
}
"""Rules of this family."""
