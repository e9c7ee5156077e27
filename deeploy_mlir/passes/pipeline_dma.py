"""`deeploy-pipeline-dma`: transfers overlap computation.

Three rewrites, all within a step:

- in a loop, a transfer into a double buffer is started one tile ahead: the first before the loop, tile t + 1 while
  tile t computes; its wait stays before the kernel;
- in a loop, a transfer out of an n-fold buffer is waited for n tiles later, just before its buffer is written again,
  and the last ones after the loop;
- every other wait moves down to the first operation that touches what its transfer touches.

A DMA has so many channels: where more transfers would be in flight, the oldest is waited for first. The token of a
transfer in flight is a loop-carried value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp
from xdsl.dialects.memref import GetGlobalOp, SubviewOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.dma import NoneOp, StartOp, TokenType, WaitOp
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import ReshapeOp, StepOp, ViewOp
from deeploy_mlir.ir.index_builder import IndexBuilder
from deeploy_mlir.machine.registry import system_of


def buffer_of(value: SSAValue) -> ViewOp | GetGlobalOp | None:
    """What a memref is a part of."""
    while isinstance(owner := value.owner, SubviewOp | ReshapeOp):
        value = owner.source
    return owner if isinstance(owner, ViewOp | GetGlobalOp) else None


def kernels_in(block: Block) -> list[KernelOp]:
    """The kernels directly in a block."""
    return [op for op in block.ops if isinstance(op, KernelOp)]


def wait_of(start: StartOp) -> WaitOp:
    """The only wait for a transfer."""
    (use,) = start.token.uses
    assert isinstance(use.operation, WaitOp)
    return use.operation


@dataclass(frozen=True)
class Transfers:
    """The transfers of a loop body that are to be carried across iterations; of those written back, how many at once
    each."""

    prefetched: tuple[StartOp, ...]
    written_back: tuple[StartOp, ...]
    depths: tuple[int, ...]

    @classmethod
    def of(cls, body: Block, channels: int) -> Transfers:
        """At most `channels` transfers are in flight: where that is too few, the largest are prefetched."""
        kernels = kernels_in(body)
        read = {id(v) for k in kernels for v in (*k.ins, *k.extras)}
        written = {id(k.out) for k in kernels}
        starts = [op for op in body.ops if isinstance(op, StartOp)]
        arriving = [s for s in starts if id(s.destination) in read]
        written_back: list[StartOp] = []
        depths: list[int] = []
        for start in starts:
            # One channel is left for what is not carried.
            depth = min(depth_of(start.source), channels - 1 - sum(depths))
            if id(start.source) in written and depth > 0:
                written_back.append(start)
                depths.append(depth)
        # A prefetched operand has the transfers of two tiles in flight.
        spare = max(0, channels - len(arriving) - sum(depths))
        doubled = [s for s in arriving if depth_of(s.destination) == 2]
        largest = sorted(doubled, key=lambda s: -elements_of(s.destination))[:spare]
        return cls(tuple(s for s in doubled if s in largest), tuple(written_back), tuple(depths))


def depth_of(value: SSAValue) -> int:
    """Number of buffers that a tile alternates between."""
    buffer = buffer_of(value)
    return len(buffer.offsets.get_values()) if isinstance(buffer, ViewOp) else 1


def elements_of(value: SSAValue) -> int:
    """Elements of the largest tile that a memref may be."""
    buffer = buffer_of(value)
    return prod(buffer.result.type.get_shape()) if isinstance(buffer, ViewOp) else 0


def clone_slice(value: SSAValue, mapping: dict[SSAValue, SSAValue], body: Block, builder: Builder) -> SSAValue:
    """Clones what computes `value` inside `body` to the builder's point, with `mapping` applied."""
    if value in mapping:
        return mapping[value]
    owner = value.owner
    if not isinstance(owner, Operation) or owner.parent_block() is not body:
        return value
    for operand in owner.operands:
        clone_slice(operand, mapping, body, builder)
    clone = fold(owner.clone(mapping))
    builder.insert(clone)
    for old, new in zip(owner.results, clone.results, strict=True):
        new.name_hint = old.name_hint
        mapping[old] = new
    return mapping[value]


def constant_of(value: SSAValue) -> int | None:
    """The integer that an SSA value is known to be."""
    if isinstance(value.owner, arith.ConstantOp) and isinstance(value.owner.value, IntegerAttr):
        return value.owner.value.value.data
    return None


def fold(op: Operation) -> Operation:
    """An index operation on constants as a constant."""
    values = [constant_of(v) for v in op.operands]
    if len(values) != 2 or any(v is None for v in values):
        return op
    a, b = (v for v in values if v is not None)
    result: int | bool
    match op:
        case arith.AddiOp():
            result = a + b
        case arith.SubiOp():
            result = a - b
        case arith.MuliOp():
            result = a * b
        case arith.MinSIOp():
            result = min(a, b)
        case arith.MaxSIOp():
            result = max(a, b)
        case arith.DivUIOp():
            result = a // b
        case arith.RemUIOp():
            result = a % b
        case _:
            return op
    return arith.ConstantOp.from_int_and_width(result, IndexType())


def clone_start(start: StartOp, tile: SSAValue, body: Block, builder: Builder, condition: SSAValue | None) -> StartOp:
    """The same transfer for another tile number, under `condition` and its own."""
    mapping: dict[SSAValue, SSAValue] = {body.args[0]: tile}
    source = clone_slice(start.source, mapping, body, builder)
    destination = clone_slice(start.destination, mapping, body, builder)
    if start.condition is not None and condition is not None:
        own = clone_slice(start.condition, mapping, body, builder)
        condition = IndexBuilder(builder).both(condition, own)
    clone = StartOp(source, destination, condition)
    builder.insert(clone)
    return clone


class LoopPipeliner:
    """Rewrites one loop of a step."""

    def __init__(self, loop: scf.ForOp, channels: int) -> None:
        self.loop = loop
        self.old = loop.body.block
        self.transfers = Transfers.of(self.old, channels)

    def run(self) -> None:
        transfers = self.transfers
        if not transfers.prefetched and not transfers.written_back:
            return
        before = Builder(InsertPoint.before(self.loop))
        initial = [clone_start(s, self.loop.lb, self.old, before, None).token for s in transfers.prefetched]
        depths = transfers.depths
        initial += [before.insert(NoneOp()).token for depth in depths for _ in range(depth)]
        body = Block(arg_types=[self.loop.lb.type, *(v.type for v in initial)])
        tile = body.args[0]
        tile.name_hint = self.old.args[0].name_hint
        carried: list[SSAValue] = list(body.args[1:])
        arriving, leaving = carried[: len(transfers.prefetched)], carried[len(transfers.prefetched) :]
        in_flight: list[list[SSAValue]] = []
        for depth in depths:
            in_flight.append(leaving[:depth])
            leaving = leaving[depth:]
        builder = Builder(InsertPoint.at_end(body))
        prefetches = self._prefetch(builder, tile)
        results = self._rest(builder, tile, arriving, in_flight)
        builder.insert(scf.YieldOp(*prefetches, *results))
        loop = scf.ForOp(self.loop.lb, self.loop.ub, self.loop.step, initial, Region(body))
        last = loop.results[len(prefetches) :]
        Rewriter.replace_op(self.loop, [loop, *(WaitOp(t) for t in last)], [])

    def _prefetch(self, builder: Builder, tile: SSAValue) -> list[SSAValue]:
        """Starts the transfers of the next tile, if there is one."""
        if not self.transfers.prefetched:
            return []
        indices = IndexBuilder(builder)
        following = indices.add(tile, 1)
        if isinstance(following, SSAValue):
            following.name_hint = "next"
        more = indices.compare("slt", following, self.loop.ub)
        next_tile = indices.value(following)
        return [clone_start(start, next_tile, self.old, builder, more).token for start in self.transfers.prefetched]

    def _rest(
        self, builder: Builder, tile: SSAValue, arriving: Sequence[SSAValue], in_flight: Sequence[Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """Moves the old body over: waits for what arrives and for the buffers to be written, then computes."""
        self.old.args[0].replace_all_uses_with(tile)
        first_kernel = kernels_in(self.old)[0]
        started: list[SSAValue] = []
        for op in list(self.old.ops):
            if op is first_kernel:
                for token in (*arriving, *(tokens[0] for tokens in in_flight)):
                    builder.insert(WaitOp(token))
            if isinstance(op, scf.YieldOp) or op in self.transfers.prefetched:
                continue
            if isinstance(op, WaitOp) and op.token.owner in (*self.transfers.prefetched, *self.transfers.written_back):
                continue
            op.detach()
            builder.insert(op)
            if isinstance(op, StartOp) and op in self.transfers.written_back:
                number = self.transfers.written_back.index(op)
                started += [*in_flight[number][1:], op.token]
        return started


def touches(op: Operation, start: StartOp) -> bool:
    """Whether an operation may touch the memory of a transfer in flight (any other kernel, transfer or loop may)."""
    if isinstance(op, KernelOp):
        inward = id(start.destination) in {id(v) for v in op.operands_accessed}
        return inward or id(start.source) in {id(v) for v in op.operands_accessed}
    return isinstance(op, scf.ForOp) or (not isinstance(op, StartOp | WaitOp) and bool(op.regions))


def sink_waits(block: Block) -> None:
    """Moves waits down to the first user of their transfer, or to the end of the block."""
    for start in [op for op in block.ops if isinstance(op, StartOp)]:
        uses = list(start.token.uses)
        if len(uses) != 1 or not isinstance(wait := uses[0].operation, WaitOp) or wait.parent_block() is not block:
            continue
        point: Operation | None = wait.next_op
        while point is not None and point is not block.last_op and not touches(point, start):
            point = point.next_op
        if point is wait.next_op:
            continue
        wait.detach()
        if point is None:
            block.add_op(wait)
        elif isinstance(point, scf.YieldOp) or touches(point, start):
            block.insert_op_before(wait, point)
        else:
            block.insert_op_after(wait, point)


def limit_transfers(block: Block, channels: int) -> None:
    """Moves waits up to where otherwise more than `channels` transfers would be in flight, oldest first.

    Transfers that the block hands on without a wait stay: `Transfers.of` leaves a channel beside them."""
    flying: dict[SSAValue, None] = {a: None for a in block.args if isinstance(a.type, TokenType)}
    for op in list(block.ops):
        if isinstance(op, WaitOp):
            flying.pop(op.token, None)
        elif isinstance(op, StartOp):
            while len(flying) >= channels and (wait := _wait_among(flying, block)) is not None:
                wait.detach()
                block.insert_op_before(wait, op)
                del flying[wait.token]
            flying[op.token] = None
        elif isinstance(op, scf.ForOp):
            flying = {t: None for t in flying if t not in op.iter_args}
            flying.update((r, None) for r in op.results if isinstance(r.type, TokenType))


def _wait_among(tokens: Iterable[SSAValue], block: Block) -> WaitOp | None:
    """The wait for the first of these transfers that is waited for in the block."""
    waits = (u.operation for t in tokens for u in t.uses if isinstance(u.operation, WaitOp))
    return next((wait for wait in waits if wait.parent_block() is block), None)


@dataclass(frozen=True)
class PipelineDmaPass(ModulePass):
    """Applies the three rewrites to every step, within the channels of the DMA that has the fewest."""

    name = "deeploy-pipeline-dma"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        channels = min((dma.channels for dma in system_of(op).dmas), default=1)
        for step in [s for s in op.walk() if isinstance(s, StepOp)]:
            for loop in [o for o in step.body.block.ops if isinstance(o, scf.ForOp)]:
                LoopPipeliner(loop, channels).run()
            for block in [b for o in step.walk() for r in o.regions for b in r.blocks]:
                sink_waits(block)
                limit_transfers(block, channels)
