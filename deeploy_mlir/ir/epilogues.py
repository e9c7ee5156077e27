"""A kernel in two: its sums, and its epilogue as a kernel of its own."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.kernel import KernelOp, MapOp, shape_of

_LEFT_OUT = (
    "layer", "extra_maps", "split", "operandSegmentSizes", "resultSegmentSizes", "regionSegmentSizes",
)  # fmt: skip


def sums_of(kernel: KernelOp, ins: Sequence[SSAValue], out: SSAValue) -> KernelOp:
    """The kernel without its epilogue on other operands; `out` has the accumulator's type."""
    properties: dict[str, Attribute | None] = {k: v for k, v in kernel.properties.items() if k not in _LEFT_OUT}
    return type(kernel)(ins, out, layer=kernel.layer.data, origins=kernel.origins, properties=properties)


def epilogue_of(kernel: KernelOp, sums: SSAValue, extras: Sequence[SSAValue], out: SSAValue) -> MapOp:
    """The epilogue of a kernel, which has one, as a kernel on its sums and extras."""
    assert kernel.body is not None
    identity = AffineMapAttr(AffineMap.identity(len(shape_of(out))))
    return MapOp(
        [sums, *extras],
        out,
        layer=kernel.layer.data,
        body=kernel.body.clone(),
        properties={"maps": ArrayAttr([identity, *(kernel.extra_maps or ())]), "local": kernel.local},
    )
