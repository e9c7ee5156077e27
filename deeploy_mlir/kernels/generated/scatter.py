"""`kernel.scatter`: the data are copied, then each update goes to where its index says, if that is in the tile."""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.kernel.scatter import DATA, INDICES, POSITIONS, UPDATES, ScatterOp
from deeploy_mlir.kernels.generated.nest import Nest
from deeploy_mlir.space.iteration_space import DimKind


def emit_scatter(nest: Nest) -> None:
    """The whole kernel. Only the positions tell which dimension the indices are about: the others may be merged."""
    b, dims = nest.b, range(len(nest.d.dims))
    along = next((d for d in dims if nest.d.operands[POSITIONS].steps[d]), None)
    updates = [d for d in dims if nest.d.dims[d].kind != DimKind.PARALLEL]
    last = -1 if along is None else along
    outer = [d for d in nest.parallel if d < last]
    inner = [d for d in nest.parallel if d > last]
    with nest.loops(outer):
        with nest.loops([d for d in nest.parallel if d >= max(last, 0)]):
            b.store(nest.pointers[-1], 0, nest.element(DATA))
        start = b.named("start", b.cast(nest.element(POSITIONS), IndexType()))
        with nest.loops(updates):
            scatter = _Update(nest, start, along)
            if any(nest.d.operands[INDICES].steps[d] for d in inner):
                with nest.loops(inner):
                    scatter.emit(())
            else:
                scatter.emit(inner)


class _Update:
    """One update, or those that share an index."""

    def __init__(self, nest: Nest, start: SSAValue, along: int | None) -> None:
        self.nest, self.start, self.along = nest, start, along

    def emit(self, inner: tuple[int, ...] | list[int]) -> None:
        nest, b = self.nest, self.nest.b
        at = b.named("at", b.sub(b.cast(nest.element(INDICES), IndexType()), self.start))
        size = b.const(1) if self.along is None else nest.size(self.along)
        step = 0 if self.along is None else nest.d.operands[-1].steps[self.along]
        with b.if_(b.land(b.cmp("ge", at, 0), b.cmp("lt", at, size))):
            place = b.mul(at, step)
            with nest.loops(inner):
                old = b.load(nest.pointers[-1], place)
                body = cast(ScatterOp, nest.op).body
                assert body is not None
                b.store(nest.pointers[-1], place, nest.body.inline(body, [old, nest.element(UPDATES)]))
