"""Index arithmetic that becomes IR only where it is not constant, and subviews in its terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from xdsl.builder import Builder
from xdsl.dialects import arith
from xdsl.dialects.builtin import DYNAMIC_INDEX, IndexType, MemRefType, NoneAttr, StridedLayoutAttr
from xdsl.dialects.memref import SubviewOp
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects.mem import MemRef, strides_of

Index = int | SSAValue


class IndexBuilder:
    """Arithmetic on indices that are Python integers or SSA values; inserts `arith` operations at the builder's point.

    Equal expressions are built once, so it must be used for one block only."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._known: dict[tuple[object, ...], SSAValue] = {}

    def value(self, index: Index) -> SSAValue:
        """The index as an SSA value."""
        if isinstance(index, SSAValue):
            return index
        return self._once(("constant", index), lambda: arith.ConstantOp.from_int_and_width(index, IndexType()))

    def constant(self, value: int) -> Index:
        return value

    def add(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0 or b == 0:
            return b if a == 0 else a
        return self._binary(arith.AddiOp, a, b)

    def sub(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        if a is b or b == 0:
            return 0 if a is b else a
        return self._binary(arith.SubiOp, a, b)

    def mul(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1 or b == 1:
            return b if a == 1 else a
        return self._binary(arith.MuliOp, a, b)

    def min(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return a if a is b else self._binary(arith.MinSIOp, a, b)

    def max(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return a if a is b else self._binary(arith.MaxSIOp, a, b)

    def div(self, a: Index, b: Index) -> Index:
        """Quotient of a non-negative index."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        return a if b == 1 else self._binary(arith.DivUIOp, a, b)

    def rem(self, a: Index, b: Index) -> Index:
        """Remainder of a non-negative index."""
        if isinstance(a, int) and isinstance(b, int):
            return a % b
        return 0 if b == 1 else self._binary(arith.RemUIOp, a, b)

    def compare(self, predicate: str, a: Index, b: Index) -> SSAValue:
        """An i1; `predicate` as in `arith.cmpi` ("eq", "slt" …)."""
        left, right = self.value(a), self.value(b)
        return self._once((predicate, left, right), lambda: arith.CmpiOp(left, right, predicate))

    def both(self, a: SSAValue, b: SSAValue) -> SSAValue:
        """Conjunction of two i1."""
        return self._once(("and", a, b), lambda: arith.AndIOp(a, b))

    def _binary(self, op: type[arith.SignlessIntegerBinaryOperation], a: Index, b: Index) -> SSAValue:
        left, right = self.value(a), self.value(b)
        return self._once((op, left, right), lambda: op(left, right))

    def _once(self, key: tuple[object, ...], make: Callable[[], Operation]) -> SSAValue:
        if key not in self._known:
            self._known[key] = self.builder.insert(make()).results[0]
        return self._known[key]

    def sizes_of(self, value: SSAValue) -> tuple[Index, ...]:
        """Sizes of a memref: its type's, and where dynamic those that the subview behind it was given."""
        shape = cast(MemRef, value.type).get_shape()
        if DYNAMIC_INDEX not in shape:
            return tuple(shape)
        assert isinstance(value.owner, SubviewOp), "dynamic sizes come from subviews"
        dynamic = iter(value.owner.sizes)
        given = value.owner.static_sizes.get_values()
        return tuple(next(dynamic) if s == DYNAMIC_INDEX else int(s) for s in given)

    def subview(self, source: SSAValue, offsets: Sequence[Index], sizes: Sequence[Index]) -> SSAValue:
        """A part of a memref with the source's strides; the source itself where the part is all of it."""
        source_type = cast(MemRef, source.type)
        if all(o == 0 for o in offsets) and tuple(sizes) == self.sizes_of(source):
            return source
        strides = strides_of(source_type)
        shape = [s if isinstance(s, int) else DYNAMIC_INDEX for s in sizes]
        static_offsets = [o if isinstance(o, int) else DYNAMIC_INDEX for o in offsets]
        base = source_type.layout.get_offset() if isinstance(source_type.layout, StridedLayoutAttr) else 0
        offset: int | None = None
        if base is not None and DYNAMIC_INDEX not in static_offsets:
            offset = base + sum(o * s for o, s in zip(static_offsets, strides, strict=True))
        layout = StridedLayoutAttr(list(strides), offset if offset is not None else NoneAttr())
        result_type = MemRefType(source_type.element_type, shape, layout, source_type.memory_space)
        op = SubviewOp(
            source,
            [o for o in offsets if isinstance(o, SSAValue)],
            [s for s in sizes if isinstance(s, SSAValue)],
            [],
            static_offsets,
            shape,
            [1] * len(shape),
            result_type,
        )
        return self.builder.insert(op).result
