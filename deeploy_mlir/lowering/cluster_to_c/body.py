"""The body of a step in C: index arithmetic, loops, views, transfers, barriers and kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, IndexType, IntegerAttr, IntegerType, Signedness
from xdsl.ir import Attribute, Block, Operation, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.cluster import BarrierOp
from deeploy_mlir.dialects.dma import NoneOp, StartOp, TokenType, WaitOp, dma_of
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import MemRef, ReshapeOp, ViewOp, memory_of, strides_of
from deeploy_mlir.dialects.offload import NoneOp as NoJobOp
from deeploy_mlir.dialects.offload import StartOp as StartJobOp
from deeploy_mlir.dialects.offload import TokenType as JobTokenType
from deeploy_mlir.dialects.offload import WaitOp as WaitForJobOp
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated import dynamic_arguments
from deeploy_mlir.kernels.offload import JOB, wait_function
from deeploy_mlir.machine.platform import dma_macro
from deeploy_mlir.space.strided_copy import strided_copy
from deeploy_mlir.support.numpy_types import element_bytes

TOKEN = c.OpaqueType("dm_token")
DIM = c.OpaqueType("dm_dma_dim")
BYTE = IntegerType(8, Signedness.UNSIGNED)
UINT32 = IntegerType(32, Signedness.UNSIGNED)

BINARY: dict[type[Operation], Callable[[CBuilder, SSAValue, SSAValue], SSAValue]] = {
    arith.AddiOp: lambda b, x, y: b.add(x, y),
    arith.SubiOp: lambda b, x, y: b.sub(x, y),
    arith.MuliOp: lambda b, x, y: b.mul(x, y),
    arith.DivUIOp: lambda b, x, y: b.div(x, y),
    arith.RemUIOp: lambda b, x, y: b.rem(x, y),
    arith.MinSIOp: lambda b, x, y: b.min(x, y),
    arith.MaxSIOp: lambda b, x, y: b.max(x, y),
    arith.AndIOp: lambda b, x, y: b.land(x, y),
}
"""Operations on indices and conditions; unsigned division is of non-negative indices."""

PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge")
"""C comparisons of the signed `arith.cmpi` predicates, by number."""


class BodyLowering:
    """Lowers the operations of a step into a C function's body."""

    def __init__(
        self,
        b: CBuilder,
        function_for: Callable[[KernelOp], c.FuncOp],
        symbols: Mapping[str, str],
        arrays: Mapping[str, Attribute],
        constants: frozenset[str],
        system: SystemOp,
    ) -> None:
        """`function_for` finds or makes the C function of a kernel; `symbols` are the C names of arenas and arrays,
        `arrays` their types in C by these names, `constants` the symbols of constant ones."""
        self.b = b
        self.symbols = symbols
        self.function_for = function_for
        self.arrays = arrays
        self.constants = constants
        self.system = system
        self.values: dict[SSAValue, SSAValue] = {}
        """C values: indices as they are, memrefs as pointers to their first element, tokens as tokens."""

    def block(self, ops: Iterable[Operation]) -> None:
        """Lowers operations in order, up to a terminator."""
        for op in ops:
            self.operation(op)

    def operation(self, op: Operation) -> None:
        b, values = self.b, self.values
        match op:
            case arith.ConstantOp():
                assert isinstance(op.value, IntegerAttr)
                values[op.result] = b.const(op.value.value.data, op.result.type)
            case arith.CmpiOp():
                predicate = PREDICATES[op.predicate.value.data]
                values[op.result] = b.cmp(predicate, values[op.lhs], values[op.rhs])
            case scf.ForOp():
                self._loop(op)
            case scf.IfOp():
                with b.if_(values[op.cond]):
                    self.block(op.true_region.block.ops)
            case scf.YieldOp():
                pass
            case ViewOp():
                values[op.result] = self._view(op)
            case memref.GetGlobalOp():
                symbol = op.name_.root_reference.data
                values[op.memref] = b.decay(self._array(symbol), const=symbol in self.constants)
            case memref.SubviewOp():
                values[op.result] = self._subview(op)
            case ReshapeOp():
                values[op.result] = values[op.source]
            case NoneOp():
                values[op.token] = b.literal("DM_NO_TOKEN", TOKEN)
            case StartOp():
                self._start(op)
            case WaitOp():
                b.call("dm_dma_wait", [self._dma(dma_of(op.token)), values[op.token]])
            case NoJobOp():
                values[op.token] = b.literal("DM_NO_JOB", JOB)
            case StartJobOp():
                self._start_job(op)
            case WaitForJobOp():
                b.call(wait_function(cast(JobTokenType, op.token.type).engine_name), [values[op.token]])
            case BarrierOp():
                b.call("dm_barrier")
            case KernelOp():
                self._kernel(op)
            case _:
                values[op.results[0]] = BINARY[type(op)](b, values[op.operands[0]], values[op.operands[1]])
        for result in op.results:
            if result.name_hint is not None and result in values:
                b.named(result.name_hint, values[result])

    # -- memory ----------------------------------------------------------------------------------------------------

    def _array(self, symbol: str) -> SSAValue:
        """The C array of an array or arena."""
        name = self.symbols[symbol]
        return self.b.get_global(name, self.arrays[name])

    def _view(self, op: ViewOp) -> SSAValue:
        b = self.b
        element = op.result.type.element_type
        offsets = op.offsets.get_values()
        offset = b.const(offsets[0])
        if op.which is not None:
            which = self.values[op.which]
            for number, other in enumerate(offsets[1:], 1):
                offset = b.select(b.cmp("eq", which, number), b.const(other), offset)
        start = b.offset(b.decay(self._array(op.arena.root_reference.data)), offset)
        return b.cast(start, c.PtrType(element))

    def _subview(self, op: memref.SubviewOp) -> SSAValue:
        b = self.b
        dynamic = iter(op.offsets)
        position: SSAValue | int = 0
        for given, stride in zip(op.static_offsets.get_values(), strides_of(cast(MemRef, op.source.type)), strict=True):
            offset = self.values[next(dynamic)] if given == DYNAMIC_INDEX else int(given)
            position = b.add(position, b.mul(offset, stride))
        return b.offset(self.values[op.source], position)

    def sizes(self, value: SSAValue) -> list[SSAValue | int]:
        """Sizes of a memref in C terms."""
        shape = cast(MemRef, value.type).get_shape()
        if DYNAMIC_INDEX not in shape:
            return list(shape)
        owner = value.owner
        assert isinstance(owner, memref.SubviewOp)
        dynamic = iter(owner.sizes)
        return [self.values[next(dynamic)] if s == DYNAMIC_INDEX else int(s) for s in owner.static_sizes.get_values()]

    # -- transfers -------------------------------------------------------------------------------------------------

    def _start(self, op: StartOp) -> None:
        b = self.b
        if op.condition is None:
            self.values[op.token] = self._start_call(op)
            return
        token = b.var(op.token.name_hint or "token", TOKEN, b.literal("DM_NO_TOKEN", TOKEN))
        with b.if_(self.values[op.condition]):
            b.assign(token, self._start_call(op))
        self.values[op.token] = b.load(token)

    def _start_call(self, op: StartOp) -> SSAValue:
        """Calls the runtime; strides are in bytes there."""
        b = self.b
        source, destination = cast(MemRef, op.source.type), cast(MemRef, op.destination.type)
        pairs = zip(self.sizes(op.source), self.sizes(op.destination), strict=True)
        sizes = [d if isinstance(d, int) else s for s, d in pairs]
        copy = strided_copy(sizes, strides_of(source), strides_of(destination))
        width = element_bytes(source.element_type)
        line = b.cast(b.mul(copy.line, copy.line_elements * width), UINT32)
        dma, ends = dma_of(op.token), (memory_of(source), memory_of(destination))
        inward = any(d.engine_name == dma and (d.source, d.destination) == ends for d in self.system.dmas)
        name = "dm_dma_start_in" if inward else "dm_dma_start_out"
        dims: SSAValue = b.literal("NULL", c.PtrType(DIM, const=True))
        if copy.dims:
            entries = [
                b.aggregate(
                    [
                        b.cast(b.value(d.size, IndexType()), UINT32),
                        b.const(d.destination_stride * width),
                        b.const(d.source_stride * width),
                    ],
                    DIM,
                )
                for d in copy.dims
            ]
            initial = b.aggregate(entries, c.ArrayType([len(entries)], DIM))
            dims = b.decay(b.array("dims", [len(entries)], DIM, initial, ["const"]), const=True)
        arguments = [self.values[op.destination], self.values[op.source], line, b.const(len(copy.dims), UINT32), dims]
        return b.call_value(name, [self._dma(dma), *arguments], TOKEN)

    def _dma(self, name: str) -> SSAValue:
        """The number of a DMA engine, by its macro."""
        return self.b.literal(dma_macro(name), UINT32)

    # -- control and kernels ---------------------------------------------------------------------------------------

    def _loop(self, op: scf.ForOp) -> None:
        b, values = self.b, self.values
        body: Block = op.body.block
        carried: list[SSAValue] = []
        for initial, argument in zip(op.iter_args, body.args[1:], strict=True):
            t: Attribute = argument.type
            if isinstance(t, TokenType | JobTokenType):
                t = TOKEN if isinstance(t, TokenType) else JOB
            carried.append(b.var(argument.name_hint or "token", t, values[initial]))
        with b.for_(body.args[0].name_hint or "i", values[op.lb], values[op.ub], values[op.step]) as i:
            values[body.args[0]] = i
            for argument, place in zip(body.args[1:], carried, strict=True):
                values[argument] = b.load(place)
            self.block(body.ops)
            last = body.last_op
            assert isinstance(last, scf.YieldOp)
            for place, value in zip(carried, last.operands, strict=True):
                b.assign(place, values[value])
        for result, place in zip(op.results, carried, strict=True):
            values[result] = b.load(place)

    def _start_job(self, op: StartJobOp) -> None:
        b = self.b
        if op.condition is None:
            self.values[op.token] = b.call_value(*self._call(op.kernel), JOB)
            return
        job = b.var(op.token.name_hint or "job", JOB, b.literal("DM_NO_JOB", JOB))
        with b.if_(self.values[op.condition]):
            b.assign(job, b.call_value(*self._call(op.kernel), JOB))
        self.values[op.token] = b.load(job)

    def _kernel(self, op: KernelOp) -> None:
        self.b.call(*self._call(op))

    def _call(self, op: KernelOp) -> tuple[c.FuncOp, list[SSAValue | int]]:
        """The function of a kernel, and its arguments."""
        function = self.function_for(op)
        arguments: list[SSAValue | int] = [self.values[v] for v in op.operands_accessed]
        for argument in dynamic_arguments(op):
            if argument.origin is not None:
                arguments.append(self.values[op.origins[argument.origin]])
            else:
                arguments.append(self.sizes(op.operands_accessed[argument.operand])[argument.axis])
        if op.scratch is not None:
            arguments.append(self.values[op.scratch])
        return function, self._converted(arguments, function)

    def _converted(self, arguments: Sequence[SSAValue | int], function: c.FuncOp) -> list[SSAValue | int]:
        types = function.function_type.inputs.data
        return [
            self.b.cast(a, t) if isinstance(a, SSAValue) and a.type != t else a
            for a, t in zip(arguments, types, strict=True)
        ]
