"""`kernel.map`: loops over the output, with the padded border of an operand as loops of their own."""

from __future__ import annotations

from functools import reduce
from typing import cast

from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.ops import MapOp
from deeploy_mlir.kernels.generated.description import PaddedAxis, strides_of
from deeploy_mlir.kernels.generated.nest import Nest

LARGEST_BODY = 48
"""Most scalar operations in a loop that computes several elements at a time."""


def emit_map(nest: Nest) -> None:
    """The whole kernel.

    A padded axis that one dimension moves along is inside the operand for a range of its indices: before and behind
    that range the operand reads as the padding value. Other padded axes are tested for each element."""
    simple = {p for p in nest.d.padded if sum(1 for x in p.coefficients if x) == 1}
    _Map(nest, simple).dimension(0, frozenset())


class _Map:
    def __init__(self, nest: Nest, simple: set[PaddedAxis]) -> None:
        self.nest = nest
        self.simple = simple
        padded_operands = {p.operand for p in simple}
        # Ranges nest well for one padded operand; with several, all but the first are tested for each element.
        self.ranged = min(padded_operands) if padded_operands else -1

    def dimension(self, dim: int, outside: frozenset[int]) -> None:
        """Loops from `dim` on inwards; the operands `outside` read as padding."""
        nest, b = self.nest, self.nest.b
        if dim == len(nest.d.dims):
            self.element(outside)
            return
        ranged = [p for p in nest.pads_on(dim) if p in self.simple and p.operand == self.ranged]
        if not ranged or self.ranged in outside:
            self.whole_loop(dim, outside)
            return
        low, high = nest.inside(dim, ranged)
        size = nest.size(dim)
        low = b.min(low, size)
        high = b.max(low, high)
        segments = ((b.const(0), low, True), (low, high, False), (high, size, True))
        for first, last, is_outside in segments:
            if self.empty(first, last):
                continue
            with b.for_(nest.d.dims[dim].name, first, last) as index, nest.fixed(dim, index):
                if not is_outside:
                    nest.enter_padded(ranged)
                self.dimension(dim + 1, outside | {self.ranged} if is_outside else outside)

    def whole_loop(self, dim: int, outside: frozenset[int]) -> None:
        """A loop over a dimension; the innermost with several elements at a time, if its body is small."""
        nest, b = self.nest, self.nest.b
        size, copies = nest.size(dim), nest.tuning.elements
        operations = len(list(nest.op.body.block.ops)) if nest.op.body is not None else 0
        if dim + 1 < len(nest.d.dims) or copies * (operations + nest.d.num_ins) > LARGEST_BODY:
            copies = 1
        known = c.constant_of(size)
        if isinstance(known, int) and known % copies:
            copies = next(f for f in range(copies, 0, -1) if known % f == 0)
        full = b.mul(b.div(size, copies), copies)
        with b.for_(nest.d.dims[dim].name, b.const(0), full, copies) as index:
            for k in range(copies):
                with nest.fixed(dim, b.add(index, k)):
                    self.dimension(dim + 1, outside)
        if c.constant_of(full) is None and copies > 1:
            with nest.loop(dim, (full, size)):
                self.dimension(dim + 1, outside)

    def empty(self, first: SSAValue, last: SSAValue) -> bool:
        """Whether a range is known to be empty."""
        low, high = c.constant_of(first), c.constant_of(last)
        return low is not None and high is not None and low >= high

    def element(self, outside: frozenset[int]) -> None:
        """One element of the output."""
        nest = self.nest
        op = cast(MapOp, nest.op)
        values: list[SSAValue] = []
        for operand in range(nest.d.num_ins):
            tested = [p for p in nest.d.pads_of(operand) if p not in self.simple or operand != self.ranged]
            if operand in outside:
                values.append(self.padding(operand))
            elif not tested:
                values.append(nest.element(operand, self.offset(op, operand)))
            else:
                values.append(self.tested(operand, tested, self.padding(operand)))
        nest.b.store(nest.pointers[-1], 0, nest.epilogue(values, ()))

    def offset(self, op: MapOp, operand: int) -> SSAValue | int:
        """What indices that are data add to an operand's pointer, in elements."""
        nest, b = self.nest, self.nest.b
        total: SSAValue | int = 0
        for o, axis, holder in op.indirect_axes:
            if o == operand:
                index = b.cast(nest.element(holder), IndexType())
                moved = b.mul(index, strides_of(op.ins[operand], op)[axis])
                total = moved if isinstance(total, int) else b.add(total, moved)
        return total

    def padding(self, operand: int) -> SSAValue:
        """What the operand reads as in the padding."""
        value, t = cast(MapOp, self.nest.op).pad_value(), self.nest.d.operands[operand].element_type
        return self.nest.body.constant(value if c.is_integer(t) else float(value), t)

    def tested(self, operand: int, pads: list[PaddedAxis], pad: SSAValue) -> SSAValue:
        """The element, or the padding value if its index is outside."""
        nest, b = self.nest, self.nest.b
        place = b.var(f"padded{operand}", nest.d.operands[operand].element_type, pad)
        index = nest.index(0)
        conditions: list[SSAValue] = []
        for axis in pads:
            at = nest.positions[axis]
            conditions += [b.cmp("ge", at, 0), b.cmp("lt", at, nest.quantity(axis.extent))]
            index = b.add(index, b.mul(at, axis.stride))
        condition = reduce(b.land, conditions)
        with b.if_(condition):
            b.assign(place, nest.element(operand, index))
        return b.load(place)
