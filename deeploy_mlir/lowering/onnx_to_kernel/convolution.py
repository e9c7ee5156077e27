"""Convolutions of floats and integers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import ConvOp, Layout, element_type_of_value, shape_of, window_properties
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.constants import constant_of, name_hint
from deeploy_mlir.ir.scalar_body import is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.parts import pick
from deeploy_mlir.lowering.onnx_to_kernel.windows import Window, window_of
from deeploy_mlir.lowering.onnx_to_kernel.zero_points import shifted, zero_point_of
from deeploy_mlir.support.numpy_types import Array


def conv(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Conv: X [N, C, s..], W [M, C/group, k..], B? [M]."""
    x, w, bias = op.required("X"), op.required("W"), op.input("B")
    if not is_float(element_type_of_value(x)):
        raise b.error("on integers must be a ConvInteger; give the types of the network's inputs")
    return [convolve(b, x, w, window_of(b, shape_of(x), shape_of(w)[2:]), op.attr("group"), bias)]


def conv_integer(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ConvInteger: sums of (x - x_zero_point) * (w - w_zero_point) in i32."""
    x, w = op.required("x"), op.required("w")
    rank = len(shape_of(w))
    w = shifted(b, w, op.input("w_zero_point"), axis=0)
    window = window_of(b, shape_of(x), shape_of(w)[2:])
    zero = zero_point_of(op.input("x_zero_point"))
    weights = constant_of(w)
    if zero is None or (zero != 0 and weights is None):
        x, zero = shifted(b, x, op.input("x_zero_point"), axis=None), 0
    correction = None
    if zero != 0 and weights is not None:
        sums = weights.astype(np.int64).sum(axis=tuple(range(1, rank)))
        correction = b.constant((-zero * sums).astype(np.int32), f"{name_hint(w, b.layer)}_zero_point")
    return [convolve(b, x, w, window, op.attr("group"), correction, padding=zero)]


def convolve(
    b: LayerBuilder, x: SSAValue, w: SSAValue, window: Window, groups: int, bias: SSAValue | None, padding: int = 0
) -> SSAValue:
    """A `kernel.conv` with `bias` [M] added in its epilogue; pads read `padding`."""
    shape, outputs = b.result_shape, shape_of(w)[0]
    if groups < 1 or outputs % groups or shape_of(x)[1] != groups * shape_of(w)[1]:
        raise b.error(
            f"has group = {groups}, input {x.type} and weights {w.type}: input channels must be group times the "
            "weights' second axis, and output channels a multiple of group"
        )
    out = b.empty(shape, b.result_element)
    properties = window_properties(Layout.CHANNELS_FIRST, window.sizes, window.strides, window.dilations, window.pads)
    if groups > 1:
        properties["groups"] = IntegerAttr(groups, i64)
        properties["group_outputs"] = IntegerAttr(outputs // groups, i64)
    if padding:
        properties["padding"] = IntegerAttr(padding, i64)
    op = ConvOp([x, w], out, layer=b.layer, properties=properties)
    if bias is None:
        return b.with_epilogue(op)
    return b.with_epilogue(
        op, lambda body, v: body.add(v[0], body.cast(v[1], v[0].type)), [bias], [select(len(shape), [1])]
    )


def conv_transpose(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ConvTranspose with weights W [C, M/group, k..]."""
    x, w, rank = op.required("X"), op.required("W"), len(shape_of(op.required("W"))) - 2
    strides: list[int] = op.attr("strides") or [1] * rank
    dilations: list[int] = op.attr("dilations") or [1] * rank
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, shape_of(w)[2:], strict=True)]
    low = _transpose_pads(op, b, reach, strides)
    return [_transposed(b, x, w, op.input("B"), int(op.attr("group")), strides, dilations, low)]


def conv_transpose_integer(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.ConvTransposeInteger: onnx.ConvTranspose of x - x_zero_point in i32."""
    x, w, zero = op.required("x"), op.required("w"), int(op.attr("x_zero_point"))
    strides, dilations, pads = (op.attr(name) for name in ("strides", "dilations", "pads"))
    low = pads[: len(strides)]
    return [_transposed(b, x, w, None, int(op.attr("group")), strides, dilations, low, zero)]


def col2im(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Col2Im: input [N, C * block, L] -> [N, C, s..]: each of L windows adds its block where it lies.

    A transposed convolution of the L positions whose weights [C * block, 1, k..] put element j of a block at tap j."""
    x, image, block = op.required("input"), b.result_shape[2:], b.required_constant("block_shape").tolist()
    rank, elements, shape = len(image), prod(block), shape_of(x)
    strides: list[int] = op.attr("strides") or [1] * rank
    dilations: list[int] = op.attr("dilations") or [1] * rank
    pads: list[int] = op.attr("pads") or [0] * (2 * rank)
    if [len(block), len(strides), len(dilations), len(pads)] != [rank, rank, rank, 2 * rank] or len(shape) != 3:
        raise b.error(
            f"has blocks {block}, strides {strides}, dilations {dilations}, pads {pads} for an image {list(image)}"
        )
    if min([*block, *strides, *dilations]) < 1 or min(pads) < 0 or not is_float(b.result_element):
        raise b.error(f"has blocks {block}, strides {strides}, pads {pads} of {x.type}, which is not supported")
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, block, strict=True)]
    padded = [n + low + high for n, low, high in zip(image, pads[:rank], pads[rank:], strict=True)]
    windows = [(n - r) // s + 1 for n, r, s in zip(padded, reach, strides, strict=True)]
    if min(windows) < 1 or shape[1] % elements or shape[2] != prod(windows):
        raise b.error(f"has {x.type}, but an image {list(image)} has windows {windows} of {elements} elements")
    channels = shape[1] // elements
    b.check_constant([shape[1], *block])
    weights = np.tile(np.eye(elements, dtype=np.float32).reshape(elements, 1, *block), (channels, *[1] * (rank + 1)))
    w = b.constant(weights, f"{b.layer}_blocks", b.result_element)
    x = b.reshape(x, [shape[0], shape[1], *windows])
    return [_transposed(b, x, w, None, channels, strides, dilations, pads[:rank])]


def _transposed(
    b: LayerBuilder,
    x: SSAValue,
    w: SSAValue,
    bias: SSAValue | None,
    groups: int,
    strides: Sequence[int],
    dilations: Sequence[int],
    low: Sequence[int],
    zero_point: int = 0,
) -> SSAValue:
    """A transposed convolution of x - zero_point (other than 0 with constant weights only), `low` elements of each axis
    cut off at its start.

    With stride s, output s*q + r - pad depends on the input elements around q through the taps r, r+s, r+2s, ...: so a
    convolution with s outputs per channel and axis (the phases r) gives all of them, and they are interleaved after."""
    kernel = shape_of(w)[2:]
    rank, channels = len(kernel), shape_of(w)[1] * groups
    shape, image = b.result_shape, shape_of(x)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    taps = [-(-r // s) for r, s in zip(reach, strides, strict=True)]
    weights = _phases(b, w, groups, strides, dilations, taps)
    # Padded output positions 0 .. low + size - 1 are needed, in blocks of a stride.
    blocks = [-(-(lo + size) // s) for lo, size, s in zip(low, shape[2:], strides, strict=True)]
    pads = [t - 1 for t in taps]
    high = [n - 1 + t - (p + e) for n, t, p, e in zip(blocks, taps, pads, image[2:], strict=True)]
    window = Window(tuple(taps), (1,) * rank, (1,) * rank, (*pads, *(max(h, 0) for h in high)))
    phases = prod(strides)
    if bias is not None:
        bias = b.reshape(b.copy(bias, select(2, [0]), [channels, phases]), [channels * phases])
    if zero_point:
        array = constant_of(weights)
        if array is None:
            raise b.error("with a zero point needs constant weights")
        sums = (-zero_point * array.astype(np.int64).sum(axis=tuple(range(1, rank + 2)))).astype(np.int32)
        bias = b.constant(sums, f"{name_hint(w, b.layer)}_zero_point")
    sub = _Result(b, (shape[0], channels * phases, *blocks))
    value = convolve(sub, x, weights, window, groups, bias, padding=zero_point)
    value = b.reshape(value, (shape[0], channels, *strides, *blocks))
    order = [0, 1, *(axis for i in range(rank) for axis in (2 + rank + i, 2 + i))]
    value = b.transpose(value, order)
    whole = [n * s for n, s in zip(blocks, strides, strict=True)]
    value = b.reshape(value, (shape[0], channels, *whole))
    return b.slice(value, [0, 0, *low], [1] * (rank + 2), shape)


def _phases(
    b: LayerBuilder, w: SSAValue, groups: int, strides: Sequence[int], dilations: Sequence[int], taps: Sequence[int]
) -> SSAValue:
    """The weights [C, M/g, k..] of a transposed convolution as those of a convolution [M * phases, C/g, taps..]."""
    rank, array = len(taps), constant_of(w)
    inputs, a_group = shape_of(w)[0] // groups, shape_of(w)[1]
    split = [groups, inputs, a_group, *(n for pair in zip(taps, strides, strict=True) for n in pair)]
    # [g, c, m, t0, r0, t1, r1 ..] -> [g, m, r.., c, t..], the taps reversed: a convolution reads forward.
    tap_axes, phase_axes = [3 + 2 * i for i in range(rank)], [4 + 2 * i for i in range(rank)]
    order = [0, 2, *phase_axes, 1, *tap_axes]
    target = [groups * a_group * prod(strides), inputs, *taps]
    if array is not None:
        b.check_constant([*array.shape[:2], *(t * s for t, s in zip(taps, strides, strict=True))])
        full = np.zeros((*array.shape[:2], *(t * s for t, s in zip(taps, strides, strict=True))), array.dtype)
        reach = [d * (k - 1) + 1 for d, k in zip(dilations, array.shape[2:], strict=True)]
        full[(slice(None), slice(None), *(slice(0, r, d) for r, d in zip(reach, dilations, strict=True)))] = array
        weights: Array = np.flip(full.reshape(split), tuple(tap_axes)).transpose(order).reshape(target)
        return b.constant(weights, f"{name_hint(w, b.layer)}_phases")
    for i, dilation in enumerate(dilations):
        w = _spread(b, w, 2 + i, dilation)
    high = [t * s - k for t, s, k in zip(taps, strides, shape_of(w)[2:], strict=True)]
    value = b.reshape(b.pad(w, [0] * (rank + 2), [0, 0, *high], 0), split)
    for axis, count in zip(tap_axes, taps, strict=True):
        value = pick(b, value, axis, list(reversed(range(count))))
    return b.reshape(b.transpose(value, order), target)


def _spread(b: LayerBuilder, w: SSAValue, axis: int, distance: int) -> SSAValue:
    """The tensor with its elements this far apart along an axis, zeros between them."""
    shape = list(shape_of(w))
    if distance == 1:
        return w
    pairs = b.reshape(w, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
    behind = [distance - 1 if i == axis + 1 else 0 for i in range(len(shape) + 1)]
    shape[axis] *= distance
    spread = b.reshape(b.pad(pairs, [0] * len(behind), behind, 0), shape)
    shape[axis] -= distance - 1
    return b.slice(spread, [0] * len(shape), [1] * len(shape), shape)


def _transpose_pads(op: GraphOp, b: LayerBuilder, reach: Sequence[int], strides: Sequence[int]) -> list[int]:
    """How many output elements are cut off at the start of each spatial axis."""
    rank = len(reach)
    image, shape = shape_of(op.required("X"))[2:], b.result_shape[2:]
    auto = op.attr("auto_pad") or "NOTSET"
    extra: list[int] = op.attr("output_padding") or [0] * rank
    if auto == "NOTSET" and op.attr("output_shape") is None:
        pads: list[int] = op.attr("pads") or [0] * (2 * rank)
        return pads[:rank]
    if auto == "VALID":
        return [0] * rank
    total = [s * (i - 1) + e + r - o for s, i, e, r, o in zip(strides, image, extra, reach, shape, strict=True)]
    if auto == "SAME_UPPER":
        return [max(t, 0) // 2 for t in total]
    return [max(t, 0) - max(t, 0) // 2 for t in total]


class _Result(LayerBuilder):
    """A builder for an inner step whose result has another shape than the node's."""

    def __init__(self, outer: LayerBuilder, shape: tuple[int, ...]) -> None:
        super().__init__(outer.op)
        self.shape = shape

    @property
    def result_shape(self) -> tuple[int, ...]:
        return self.shape


RULES: dict[str, Rule] = {
    "onnx.Conv": conv,
    "onnx.ConvInteger": conv_integer,
    "onnx.ConvTranspose": conv_transpose,
    "onnx.Col2Im": col2im,
    "qnn.ConvTransposeInteger": conv_transpose_integer,
}
"""Rules of this family."""
