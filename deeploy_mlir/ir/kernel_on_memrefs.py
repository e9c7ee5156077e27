"""A kernel on other operands: whole tensors become memrefs, memrefs become parts of them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.kernel import KernelOp

_COMMON = ("layer", "extra_maps", "operandSegmentSizes", "resultSegmentSizes", "regionSegmentSizes")


def kernel_on(
    kernel: KernelOp, operands: Sequence[SSAValue], origins: Sequence[SSAValue] | None, scratch: SSAValue | None = None
) -> KernelOp:
    """The same kernel on `operands` (ins, extras, out).

    With `origins` (one a padded axis) the operands are tiles; None means whole operands, as `kernel` has them.
    It has no scratch but the one given."""
    number_of_ins = len(kernel.ins)
    properties: dict[str, Attribute | None] = {k: v for k, v in kernel.properties.items() if k not in _COMMON}
    properties["local"] = UnitAttr() if origins is not None else kernel.local
    return type(kernel)(
        operands[:number_of_ins],
        operands[-1],
        layer=kernel.layer.data,
        extras=operands[number_of_ins:-1],
        extra_maps=[m.data for m in kernel.extra_maps or ()],
        body=kernel.body.clone() if kernel.body is not None else None,
        origins=origins or (),
        scratch=scratch,
        properties=properties,
    )
