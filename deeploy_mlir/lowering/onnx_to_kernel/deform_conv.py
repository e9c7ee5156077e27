"""onnx.DeformConv: the image is sampled where the offsets say, for each element of the weights; a product sums that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.grid_sample import Sampled, Sampling
from deeploy_mlir.lowering.onnx_to_kernel.matmul import product


@dataclass(frozen=True)
class _Shapes:
    """What the operands and attributes of a DeformConv agree on."""

    batch: int
    channels: int
    image: tuple[int, ...]
    outputs: int
    kernel: tuple[int, ...]
    out: tuple[int, ...]
    group: int
    offset_group: int


def _shapes(op: GraphOp, b: LayerBuilder) -> _Shapes:
    """Raises DeeployError for operands that do not fit each other."""
    x, w, offset = (shape_of(op.required(name)) for name in ("X", "W", "offset"))
    group, offset_group = int(op.attr("group")), int(op.attr("offset_group"))
    if len(x) != 4:
        raise b.error(f"of an image {op.required('X').type} is not supported; those of two spatial axes are")
    found = _Shapes(x[0], x[1], x[2:], w[0], w[2:], b.result_shape[2:], group, offset_group)
    fits = group > 0 and offset_group > 0 and w[1] * group == x[1] and w[0] % group == 0 and x[1] % offset_group == 0
    wanted = (x[0], 2 * offset_group * prod(found.kernel), *found.out)
    if not fits or offset != wanted:
        raise b.error(
            f"has group = {group}, offset_group = {offset_group}, X {list(x)}, W {list(w)} and offset {list(offset)} "
            f"for a result of {list(b.result_shape)}, which do not fit"
        )
    mask, bias = op.input("mask"), op.input("B")
    if mask is not None and shape_of(mask) != (x[0], wanted[1] // 2, *found.out):
        raise b.error(f"has a mask {mask.type} for offsets {list(offset)}")
    if bias is not None and shape_of(bias) != (w[0],):
        raise b.error(f"has a bias {bias.type} for {w[0]} output channels")
    return found


def _positions(b: LayerBuilder, offsets: SSAValue, axis: int, s: _Shapes) -> SSAValue:
    """Where the image is read along a spatial axis, f32 [batch, offset_group, kernel, out..]: where a convolution reads
    it, plus the offset."""
    pads = (b.op.attr("pads") or [0, 0, 0, 0])[axis]
    stride, dilation = ((b.op.attr(name) or [1, 1])[axis] for name in ("strides", "dilations"))
    taps = np.indices(s.kernel)[axis].reshape(-1, 1)
    base = b.constant(taps * dilation + np.arange(s.out[axis]) * stride - pads, f"{b.layer}_places", f32)
    of_offsets = [([int(i == j) for j in range(5)], 0) for i in range(5)]
    of_offsets.insert(3, ([0] * 5, axis))
    shape = [s.batch, s.offset_group, prod(s.kernel), *s.out]
    maps = [linear_map(5, of_offsets), select(5, [2, 3 + axis])]
    return b.map([offsets, base], maps, shape, f32, lambda body, v: body.add(body.cast(v[0], f32), v[1]))


def deform_conv(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.DeformConv on images of two spatial axes. What is read outside the image is zero."""
    x, w, bias, mask = op.required("X"), op.required("W"), op.input("B"), op.input("mask")
    if not is_float(element_type_of_value(x)):
        raise b.error(f"on {x.type} is not supported; floats are")
    s = _shapes(op, b)
    taps = prod(s.kernel)
    offsets = b.reshape(op.required("offset"), [s.batch, s.offset_group, taps, 2, *s.out])
    axes = [
        Sampling(b, extent, _positions(b, offsets, axis, s), "linear", "zeros", False)
        for axis, extent in enumerate(s.image)
    ]
    factor = None if mask is None else b.reshape(mask, [s.batch, s.offset_group, taps, *s.out])
    per_offset = s.channels // s.offset_group
    images = b.reshape(x, [s.batch, s.offset_group, per_offset, *s.image])
    sampled = Sampled(images, select(6, [0, 1, 2, None, None]), select(6, [0, 1, 3, 4, 5]))
    columns = sampled.interpolated(axes, [s.batch, s.offset_group, per_offset, taps, *s.out], factor)
    depth, filters, places = s.channels // s.group * taps, s.outputs // s.group, prod(s.out)
    columns = b.reshape(columns, [s.batch, s.group, depth, places])
    weights = b.reshape(w, [1, s.group, filters, depth])
    shape = [s.batch, s.group, filters, places]

    def with_bias(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.add(v[0], body.cast(v[1], v[0].type))

    if bias is None:
        y = product(b, weights, columns, shape)
    else:
        extras = [b.reshape(bias, [s.group, filters])]
        y = product(b, weights, columns, shape, extras=extras, extra_maps=[select(4, [1, 2])], function=with_bias)
    return [b.reshape(y, b.result_shape)]


RULES: dict[str, Rule] = {"onnx.DeformConv": deform_conv}
"""Rules of this family."""
