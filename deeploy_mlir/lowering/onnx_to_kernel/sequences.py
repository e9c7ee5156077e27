"""Operators on sequences in a batch, each with its own place: updating a cache."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.indexing import positions


def tensor_scatter(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.TensorScatter: the cache with `update` written from `write_indices[n]` on, around the end if circular."""
    cache, update, indices = op.required("past_cache"), op.required("update"), op.input("write_indices")
    shape, rank = shape_of(cache), len(shape_of(cache))
    axis = b.axis(op.attr("axis"), rank)
    extent, count = shape[axis], shape_of(update)[axis]
    circular = (op.attr("mode") or "linear") == "circular"
    if axis == 0:
        raise b.error("writes along the axis of the batch")

    def step(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """Which step of the update a place of the cache receives; outside of 0 .. count - 1 none."""
        start = body.cast(v[1], i64) if len(v) > 1 else body.constant(0, i64)
        distance = body.sub(body.cast(v[0], i64), start)
        if not circular:
            return body.clamp(distance, -1, count)
        size, zero = body.constant(extent, i64), body.constant(0, i64)
        rest = body.rem(distance, size)
        return body.select(body.compare("lt", rest, zero), body.add(rest, size), rest)

    ins, maps = [positions(b, extent)], [select(2, [1])]
    if indices is not None:
        ins.append(indices)
        maps.append(select(2, [0]))
    steps = b.map(ins, maps, [shape[0], extent], i32, step)
    inside = b.elementwise([steps], [shape[0], extent], i32, lambda body, v: body.clamp(v[0], 0, count - 1))
    whole, row = select(rank, list(range(rank))), select(rank, [0, axis])
    gathered = select(rank, [None if i == axis else i for i in range(rank)])

    def chosen(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        above = body.compare("ge", v[2], body.constant(0, i32))
        hit = body.emit(arith.AndIOp(above, body.compare("lt", v[2], body.constant(count, i32))))
        return body.select(hit, v[1], v[0])

    ins, maps = [cache, update, steps, inside], [whole, gathered, row, row]
    return [b.map(ins, maps, shape, element_type_of_value(cache), chosen, indirect=[(1, axis, 3)])]


RULES: dict[str, Rule] = {"onnx.TensorScatter": tensor_scatter}
"""Rules of this family."""
