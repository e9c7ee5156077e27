"""`deeploy-channels-last`: convolutions and pools of images [n, c, s..] become ones of images [n, s.., c].

Contiguous channels make the inner loops of all of them long and alike. Each operator gets a transposing `kernel.map`
before and after it; constant weights [m, c, k..] are stored anew as [m, k.., c]. Most of the transposes go away in
`deeploy-sink-transposes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, Layout, LayoutAttr, WindowOp, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import compose, inverse
from deeploy_mlir.ir.constants import add_constant, constant_of, load_constant, name_hint
from deeploy_mlir.ir.kernel_rewriting import (
    empty_like,
    extra_maps_of,
    output_of,
    permuting_map,
    place_transpose,
    rebuilt,
)


@dataclass(frozen=True)
class ChannelsLastPass(ModulePass):
    """Converts every `channels_first` operator."""

    name = "deeploy-channels-last"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if isinstance(inner, WindowOp) and inner.result is not None and not inner.channels_last:
                _convert(op, inner)


def _convert(module: ModuleOp, op: WindowOp) -> None:
    rank = len(shape_of(op.out))
    to_last = [0, *range(2, rank), 1]
    point = InsertPoint.before(op)
    ins = [place_transpose(op.ins[0], to_last, op.layer.data, point)]
    if isinstance(op, ConvOp):
        ins.append(_weights(module, op, to_last, point))
    shape = [shape_of(op.out)[a] for a in to_last]
    out = empty_like(shape, element_type_of_value(op.out))
    Rewriter.insert_op(out, point)
    # Extras are read by the indices of the output, whose axis i now is the old axis to_last[i].
    over_old = permuting_map(inverse(to_last))
    new = rebuilt(
        op,
        ins,
        out.results[0],
        extra_maps=[compose(m, over_old) for m in extra_maps_of(op)],
        properties={"layout": LayoutAttr(Layout.CHANNELS_LAST)},
    )
    Rewriter.insert_op(new, point)
    back = place_transpose(output_of(new), inverse(to_last), op.layer.data, point)
    output_of(op).replace_all_uses_with(back)
    Rewriter.erase_op(op)


def _weights(module: ModuleOp, op: KernelOp, order: Sequence[int], point: InsertPoint) -> SSAValue:
    """The weights with their axes in another order: a new constant, or transposed at run time."""
    weights = op.ins[1]
    array = constant_of(weights)
    if array is None:
        return place_transpose(weights, order, op.layer.data, point)
    stored = add_constant(module, array.transpose(order), f"{name_hint(weights)}_cl", element_type_of_value(weights))
    load = load_constant(stored)
    Rewriter.insert_op(load, point)
    return load.results[0]
