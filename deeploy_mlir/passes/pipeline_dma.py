"""`deeploy-pipeline-dma`: transfers overlap computation.

Three rewrites, all within a step, for its loops from the outermost to the innermost:

- in a loop, a transfer into a double buffer is started one tile ahead: the first before the loop, tile t + 1 while
  tile t is worked on; the wait stays before the first operation that touches the buffer;
- in a loop, a transfer out of an n-fold buffer is waited for n tiles later, just before its buffer is written again,
  and the last ones after the loop;
- every other wait moves down to the first operation that touches what its transfer touches.

The job of an asynchronous engine runs beside all of this: the next tile's transfers are issued while it does.

A DMA engine has so many channels: where more of its transfers would be in flight, the oldest is waited for first. The
token of a transfer in flight is a loop-carried value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.dma import NoneOp, StartOp, TokenType, WaitOp, dma_of
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import StepOp, ViewOp
from deeploy_mlir.dialects.offload import StartOp as StartJobOp
from deeploy_mlir.ir.index_builder import IndexBuilder
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.passes.shared.touched_memory import buffer_of, touched_by, written_by

Channels = Mapping[str, int]
"""How many transfers each DMA engine may have in flight."""


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
    def of(cls, body: Block, channels: Channels) -> Transfers:
        """No DMA engine has more transfers in flight than it has channels: where these are too few, the largest are
        prefetched."""
        ops = list(body.ops)
        starts = [(number, op) for number, op in enumerate(ops) if isinstance(op, StartOp)]
        # One channel is left for what is not carried.
        spare = {dma: count - 1 for dma, count in channels.items()}
        written_back: list[StartOp] = []
        depths: list[int] = []
        for number, start in starts:
            depth = min(depth_of(start.source), spare[dma_of(start.token)])
            if depth > 0 and _leaves(start, ops[:number], ops[number + 1 :]):
                written_back.append(start)
                depths.append(depth)
                spare[dma_of(start.token)] -= depth
        arriving = [s for number, s in starts if _arrives(s, ops[:number], ops[number + 1 :])]
        nested = any(isinstance(op, scf.ForOp) for op in ops)
        for dma in spare:
            # A prefetched operand has the transfers of two tiles in flight, while those of this tile are waited for.
            waiting = sum(dma_of(s.token) == dma for s in arriving)
            spare[dma] = max(0, min(spare[dma] + 1 - waiting, spare[dma] if nested else channels[dma]))
        prefetched: list[StartOp] = []
        doubled = [s for s in arriving if depth_of(s.destination) == 2]
        for start in sorted(doubled, key=lambda s: -elements_of(s.destination)):
            if spare[dma_of(start.token)] > 0:
                spare[dma_of(start.token)] -= 1
                prefetched.append(start)
        return cls(tuple(s for s in doubled if s in prefetched), tuple(written_back), tuple(depths))

    def left(self, channels: Channels) -> Channels:
        """The channels that what is in flight throughout the loop's body leaves free."""
        free = dict(channels)
        for start, depth in zip((*self.prefetched, *self.written_back), (*(1 for _ in self.prefetched), *self.depths),
                                strict=True):  # fmt: skip
            free[dma_of(start.token)] -= depth
        return free


def _arrives(start: StartOp, before: Sequence[Operation], after: Sequence[Operation]) -> bool:
    """Whether a transfer brings what is worked on in the body from where nothing in the body wrote it."""
    return touched_by(after, start.destination) and not written_by(before, start.source)


def _leaves(start: StartOp, before: Sequence[Operation], after: Sequence[Operation]) -> bool:
    """Whether a transfer takes away what the body has written, to where nothing in the body reads it."""
    return written_by(before, start.source) and not touched_by(after, start.destination)


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
    clone = StartOp(start.dma, source, destination, condition)
    builder.insert(clone)
    return clone


class LoopPipeliner:
    """Rewrites one loop of a step."""

    def __init__(self, loop: scf.ForOp, channels: Channels) -> None:
        self.loop = loop
        self.old = loop.body.block
        self.transfers = Transfers.of(self.old, channels)

    def run(self) -> scf.ForOp:
        """The loop that takes the old one's place; that itself where nothing is carried."""
        transfers = self.transfers
        if not transfers.prefetched and not transfers.written_back:
            return self.loop
        before = Builder(InsertPoint.before(self.loop))
        initial = [clone_start(s, self.loop.lb, self.old, before, None).token for s in transfers.prefetched]
        for start, depth in zip(transfers.written_back, transfers.depths, strict=True):
            initial += [before.insert(NoneOp(start.dma)).token for _ in range(depth)]
        body = Block(arg_types=[self.loop.lb.type, *(v.type for v in initial)])
        tile = body.args[0]
        tile.name_hint = self.old.args[0].name_hint
        carried: list[SSAValue] = list(body.args[1:])
        arriving, leaving = carried[: len(transfers.prefetched)], carried[len(transfers.prefetched) :]
        in_flight: list[list[SSAValue]] = []
        for depth in transfers.depths:
            in_flight.append(leaving[:depth])
            leaving = leaving[depth:]
        builder = Builder(InsertPoint.at_end(body))
        jobs = [op for op in self.old.ops if isinstance(op, StartJobOp)]
        prefetches = self._prefetch(builder, tile)
        issue = list(body.ops)
        results = self._rest(builder, tile, arriving, in_flight)
        if jobs:
            # While the last job runs, there is time for the next tile's transfers.
            for op in issue:
                op.detach()
            body.insert_ops_after(issue, jobs[-1])
        builder.insert(scf.YieldOp(*prefetches, *results))
        loop = scf.ForOp(self.loop.lb, self.loop.ub, self.loop.step, initial, Region(body))
        last = loop.results[len(prefetches) :]
        Rewriter.replace_op(self.loop, [loop, *(WaitOp(t) for t in last)], [])
        return loop

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
        self,
        builder: Builder,
        tile: SSAValue,
        arriving: Sequence[SSAValue],
        in_flight: Sequence[Sequence[SSAValue]],
    ) -> list[SSAValue]:
        """Moves the old body over: waits for what arrives and for the buffers to be written, then works on them."""
        transfers = self.transfers
        self.old.args[0].replace_all_uses_with(tile)
        pending = [(token, start.destination) for token, start in zip(arriving, transfers.prefetched, strict=True)]
        pending += [(t[0], start.source) for t, start in zip(in_flight, transfers.written_back, strict=True)]
        started: list[SSAValue] = []
        for op in list(self.old.ops):
            if isinstance(op, scf.YieldOp) or op in transfers.prefetched:
                continue
            if isinstance(op, WaitOp) and op.token.owner in (*transfers.prefetched, *transfers.written_back):
                continue
            for token, buffer in [p for p in pending if touched_by([op], p[1])]:
                builder.insert(WaitOp(token))
                pending.remove((token, buffer))
            op.detach()
            builder.insert(op)
            if isinstance(op, StartOp) and op in transfers.written_back:
                number = transfers.written_back.index(op)
                started += [*in_flight[number][1:], op.token]
        return started


def touches(op: Operation, start: StartOp) -> bool:
    """Whether an operation may touch the memory of a transfer in flight; any loop or branch may."""
    if isinstance(op, KernelOp | StartOp | StartJobOp):
        return touched_by([op], start.destination) or written_by([op], start.source)
    return isinstance(op, scf.ForOp) or (not isinstance(op, WaitOp) and bool(op.regions))


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


def limit_transfers(block: Block, channels: Channels) -> None:
    """Moves waits up to where otherwise more of an engine's transfers would be in flight than it has channels, oldest
    first.

    Transfers that the block hands on without a wait stay: `Transfers.of` leaves a channel beside them."""
    flying: dict[SSAValue, None] = {a: None for a in block.args if isinstance(a.type, TokenType)}
    for op in list(block.ops):
        if isinstance(op, WaitOp):
            flying.pop(op.token, None)
        elif isinstance(op, StartOp):
            dma = dma_of(op.token)
            while True:
                busy = [t for t in flying if dma_of(t) == dma]
                if len(busy) < channels[dma] or (wait := _wait_among(busy, block)) is None:
                    break
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


def pipeline_block(block: Block, channels: Channels, left: Channels) -> None:
    """Applies the rewrites to the loops of a block, to what is in them, and to the block itself.

    The block's transfers have `channels`; of these, what it carries across iterations leaves `left` to its loops."""
    for loop in [o for o in block.ops if isinstance(o, scf.ForOp)]:
        pipeliner = LoopPipeliner(loop, left)
        pipeline_block(pipeliner.run().body.block, left, pipeliner.transfers.left(left))
    for branch in [o for o in block.ops if isinstance(o, scf.IfOp)]:
        for inner in [b for region in branch.regions for b in region.blocks]:
            pipeline_block(inner, left, left)
    sink_waits(block)
    limit_transfers(block, channels)


@dataclass(frozen=True)
class PipelineDmaPass(ModulePass):
    """Applies the three rewrites to every step, within the channels of each DMA engine."""

    name = "deeploy-pipeline-dma"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        channels = {dma.symbol: dma.channels for dma in system_of(op).dma_engines}
        for step in [s for s in op.walk() if isinstance(s, StepOp)]:
            pipeline_block(step.body.block, channels, channels)
