"""The loops over a kernel's reduction and window dimensions, whole or in runs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.kernels.generated.long_sums import Division
from deeploy_mlir.kernels.generated.nest import Nest


@dataclass
class ReductionLoops:
    """The combined dimensions of a kernel as loops."""

    nest: Nest

    @cached_property
    def dims(self) -> list[int]:
        """The combined dimensions, the innermost last."""
        return self.nest.combined

    @cached_property
    def joined(self) -> bool:
        """Whether the last two dimensions are one walk, with the outer one cut at the padding."""
        nest = self.nest
        if len(self.dims) < 2:
            return False
        outer, inner = self.dims[-2:]
        size = nest.d.dims[inner].static
        joined = size is not None and not nest.pads_on(inner)
        for operand in nest.d.operands[: nest.d.num_ins]:
            joined = joined and operand.steps[outer] == (size or 0) * operand.steps[inner]
        return joined

    @cached_property
    def sizes(self) -> list[int | None]:
        """The sizes of the loops, outermost first, where they are known; padding cuts them."""
        sizes = [self.nest.d.dims[d].static for d in self.dims]
        if not self.joined:
            return sizes
        outer, inner = sizes[-2:]
        return [*sizes[:-2], None if outer is None or inner is None else outer * inner]

    def emit(
        self,
        divided: Division | None,
        innermost: Callable[[int | None, SSAValue], None],
        end_run: Callable[[], None],
    ) -> bool:
        """The loops around `innermost`, which takes its dimension and length; `end_run` follows each run.

        Gives whether accumulators still hold something in the end: what is left of an innermost loop of no whole number
        of runs, or all if there are none."""
        nest, b = self.nest, self.nest.b
        if not self.dims:
            innermost(None, b.const(1))
            return True
        outer = self.dims[: -2 if self.joined else -1]
        with ExitStack() as stack:
            for number, d in enumerate(outer):
                if divided is not None and divided.loop == number:
                    stack.enter_context(self._window_in_runs(d, divided.step, end_run))
                else:
                    stack.enter_context(nest.window(d))
            length, inner = self._enter_innermost(stack)
            if divided is None or divided.loop < len(outer):
                innermost(inner, length)
                return divided is None
            full = b.mul(b.div(length, divided.step), divided.step)
            with b.for_("run", b.const(0), full, divided.step) as first, self._advanced(inner, first):
                innermost(inner, b.const(divided.step))
                end_run()
            rest = b.sub(length, full)
            if c.constant_of(rest) == 0:
                return False
            with self._advanced(inner, full):
                innermost(inner, rest)
        return True

    @contextmanager
    def _window_in_runs(self, dim: int, step: int, end_run: Callable[[], None]) -> Generator[None]:
        """A loop over the iterations of a dimension that lie inside the operands, `step` of them a run."""
        nest, b = self.nest, self.nest.b
        low, high = nest.inside(dim)
        with b.for_("run", low, high, step) as first:
            last, size = b.add(first, step), nest.d.dims[dim].static
            if nest.pads_on(dim) or size is None or size % step:
                last = b.min(last, high)
            with b.for_(nest.d.dims[dim].name, first, last) as index, nest.fixed(dim, index):
                nest.enter_padded(nest.pads_on(dim))
                yield
            end_run()

    @contextmanager
    def _advanced(self, dim: int, by: SSAValue) -> Generator[None]:
        """Inside, the pointers of what is combined stand further along the innermost dimension."""
        nest = self.nest
        saved = list(nest.pointers)
        for operand in range(nest.d.num_ins):
            nest.advance(operand, nest.b.mul(by, nest.d.operands[operand].steps[dim]))
        try:
            yield
        finally:
            nest.pointers = saved

    def _enter_innermost(self, stack: ExitStack) -> tuple[SSAValue, int]:
        """Puts the start of the innermost loop into the pointers until `stack` closes; its length and dimension."""
        nest, b, dims = self.nest, self.nest.b, self.dims
        inner = dims[-1]
        if self.joined:
            low, high = nest.inside(dims[-2])
            stack.enter_context(nest.fixed(dims[-2], low))
            nest.enter_padded(nest.pads_on(dims[-2]))
            return b.mul(b.sub(high, low), nest.size(inner)), inner
        if nest.pads_on(inner):
            low, high = nest.inside(inner)
            stack.enter_context(nest.fixed(inner, low))
            nest.enter_padded(nest.pads_on(inner))
            return b.sub(high, low), inner
        return nest.size(inner), inner
