"""`deeploy-fuse-epilogues`: elementwise consumers move into the epilogue of the kernel whose result they read.

    %c = kernel.conv ...                               %y = kernel.conv ... extras(%mul, %add) {
    %y = kernel.map ins(%c, %mul, %add) { ... }  ->          ^bb0(%acc: i32, %m: i32, %a: i32): ...
                                                         } -> tensor<1x8x8x16xi8>

Copies (transposes, slices, broadcasts) are read through, maps of maps become one map, constants of one value become
`arith.constant`. A kernel whose result has other uses keeps it, and nothing is fused that would compute an element
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, i32, i64
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce

from deeploy_mlir.dialects.kernel import KernelOp, MapOp, ReshapeOp, ScatterOp, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import compose, reads_whole, used_dims
from deeploy_mlir.ir.constants import scalar_constant
from deeploy_mlir.ir.kernel_rewriting import (
    body_size,
    defining,
    element_operands,
    empty_like,
    forwarded,
    gathered,
    inline,
    is_copy,
    maps_attr,
    maps_of,
    output_of,
    padded_attr,
    padded_pairs,
    rebuilt,
    reshape_source,
)
from deeploy_mlir.ir.scalar_body import ScalarBody, is_unsigned
from deeploy_mlir.passes.shared.reshaped_operands import Operand, reshaped_operand

MAX_OPERANDS = 12
"""Most operands of a fused kernel: each may be a transfer, and a DMA has few channels."""
MAX_BODY = 256
"""Most scalar operations of a fused kernel. Longer chains of elementwise operators become several kernels: the time of
fusing, and of the C compiler, grows faster than such a body."""


@dataclass(frozen=True)
class FuseEpiloguesPass(ModulePass):
    """Fuses to a fixpoint."""

    name = "deeploy-fuse-epilogues"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        changed = True
        while changed:
            changed = False
            for inner in list(op.walk()):
                if isinstance(inner, KernelOp) and inner.result is not None and inner.parent_block() is not None:
                    changed |= _fuse_once(inner)
            dce(op)


def _fuse_once(op: KernelOp) -> bool:
    if _read_through_copies(op) or _inline_scalars(op):
        return True
    if not isinstance(op, MapOp):
        return False
    return _absorb_map(op) or _move_into_producer(op)


# -- operands ----------------------------------------------------------------------------------------------------------


def _with_operands(
    op: KernelOp,
    values: Sequence[SSAValue],
    maps: Sequence[AffineMap],
    body: ScalarBody | None,
    yielded: SSAValue | None,
) -> KernelOp:
    """`op` with other elementwise operands and, if given, another body that yields `yielded`."""
    region = body.finish(yielded, element_type_of_value(op.out)) if body is not None and yielded is not None else None
    if isinstance(op, MapOp):
        return rebuilt(op, values, op.out, body=region, properties={"maps": maps_attr(maps)})
    return rebuilt(op, list(op.ins), op.out, extras=values, extra_maps=maps, body=region)


def _replace(op: KernelOp, new: KernelOp) -> None:
    Rewriter.insert_op(new, InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)


def _read_through_copies(op: KernelOp) -> bool:
    """Elementwise operands that are copies, or reshaped in unit axes only, are read at their source."""
    values, maps, _ = element_operands(op)
    padded = {operand for operand, _ in padded_pairs(op)} if isinstance(op, MapOp) else set[int]()
    fixed = padded | gathered(op)
    changed = False
    for i, (value, map_) in enumerate(zip(values, maps, strict=True)):
        if i not in fixed:
            values[i], maps[i] = forwarded(value, map_)
            changed |= values[i] is not value
    if changed:
        _replace(op, _with_operands(op, values, maps, None, None))
    return changed


def _inline_scalars(op: KernelOp) -> bool:
    """Constants whose elements are all equal become constants of the body; equal operands become one."""
    values, maps, _ = element_operands(op)
    if op.body is None or not values or gathered(op):
        return False
    lead = [] if isinstance(op, MapOp) else [op.accumulator()]
    padded = padded_pairs(op) if isinstance(op, MapOp) else []
    touched = {operand for operand, _ in padded}
    constants = [None if i in touched else scalar_constant(v) for i, v in enumerate(values)]
    first: dict[tuple[SSAValue, AffineMap], int] = {}
    kept: list[int] = []
    for i, (value, map_) in enumerate(zip(values, maps, strict=True)):
        if constants[i] is None and (i in touched or first.setdefault((value, map_), i) == i):
            kept.append(i)
    if not kept and isinstance(op, MapOp):
        kept, constants[0] = [0], None  # a map reads something
        first[values[0], maps[0]] = 0
    if len(kept) == len(values):
        return False
    body = ScalarBody([*lead, *(element_type_of_value(values[i]) for i in kept)])
    arguments: list[SSAValue] = list(body.arguments[: len(lead)])
    for i, value in enumerate(values):
        number = constants[i]
        if number is not None:
            arguments.append(_constant(body, number, value))
        else:
            source = i if i in touched else first[(value, maps[i])]
            arguments.append(body.arguments[len(lead) + kept.index(source)])
    yielded = inline(body, op.body, arguments)
    new = _with_operands(op, [values[i] for i in kept], [maps[i] for i in kept], body, yielded)
    if isinstance(op, MapOp):
        pairs = [(kept.index(operand), axis) for operand, axis in padded]
        attr = padded_attr(pairs)
        if attr is not None:
            new.properties["padded"] = attr
    _replace(op, new)
    return True


def _constant(body: ScalarBody, number: int | float, value: SSAValue) -> SSAValue:
    """A constant of a value's element type; an unsigned one by a cast, since `arith` has none."""
    element = element_type_of_value(value)
    if is_unsigned(element):
        return body.cast(body.constant(int(number), _signless(element)), element)
    return body.constant(number, element)


def _signless(element: object) -> IntegerType:
    assert isinstance(element, IntegerType)
    return i64 if element.bitwidth > 16 else i32


# -- maps of maps ------------------------------------------------------------------------------------------------------


def _absorb_map(op: MapOp) -> bool:
    """A producing map that only this one reads is computed here instead."""
    for value in op.ins:
        producer = defining(value)
        if isinstance(producer, MapOp) and _absorbable(op, producer):
            _replace(op, _absorbed(op, producer))
            Rewriter.erase_op(producer)
            return True
    return False


def _absorbable(op: MapOp, producer: MapOp) -> bool:
    result = output_of(producer)
    if gathered(op) or gathered(producer) or body_size(op) + body_size(producer) > MAX_BODY:
        return False
    if producer.out_offsets is not None or {use.operation for use in result.uses} != {op}:
        return False
    readers = [i for i, v in enumerate(op.ins) if v is result]
    if len(op.ins) + len(readers) * (len(producer.ins) - 1) > max(MAX_OPERANDS, len(op.ins)):
        return False
    if {operand for operand, _ in padded_pairs(op)} & set(readers) or op.out is result:
        return False
    if len({maps_of(op)[i] for i in readers}) > 1 and not is_copy(producer):
        return False
    sizes = [d.size for d in op.dims()]
    repeated = any(size > 1 and dim not in used_dims(maps_of(op)[i]) for i in readers for dim, size in enumerate(sizes))
    if repeated and not is_copy(producer):
        return False
    if producer.padded is None or op.padded is None:
        return True
    return op.padding == producer.padding


def _absorbed(op: MapOp, producer: MapOp) -> KernelOp:
    """`op` with what `producer` computes in its body, which is moved there if it is read once."""
    result = output_of(producer)
    values: list[SSAValue] = []
    maps: list[AffineMap] = []
    pairs: list[tuple[int, int]] = []
    sources: list[tuple[int, int] | int] = []
    for i, (value, map_) in enumerate(zip(op.ins, maps_of(op), strict=True)):
        start = len(values)
        if value is not result:
            sources.append(start)
            pairs += [(start, axis) for operand, axis in padded_pairs(op) if operand == i]
            values.append(value)
            maps.append(map_)
            continue
        sources.append((start, start + len(producer.ins)))
        pairs += [(start + operand, axis) for operand, axis in padded_pairs(producer)]
        values += producer.ins
        maps += [compose(inner, map_) for inner in maps_of(producer)]
    body = ScalarBody([element_type_of_value(v) for v in values])
    assert op.body is not None
    assert producer.body is not None
    once = sum(not isinstance(s, int) for s in sources) == 1
    arguments = [
        body.arguments[s] if isinstance(s, int) else inline(body, producer.body, body.arguments[s[0] : s[1]], move=once)
        for s in sources
    ]
    region = body.finish(inline(body, op.body, arguments), element_type_of_value(op.out))
    padding = op.padding if op.padding is not None else producer.padding
    properties = {"maps": maps_attr(maps), "padded": padded_attr(pairs), "padding": padding}
    return rebuilt(op, values, op.out, body=region, properties=properties)


# -- epilogues ---------------------------------------------------------------------------------------------------------


def _move_into_producer(op: MapOp) -> bool:
    """The map becomes part of the epilogue of the latest kernel that it reads whole."""
    if op.out_offsets is not None or is_copy(op) or gathered(op):
        return False
    padded = {operand for operand, _ in padded_pairs(op)}
    best: tuple[KernelOp, SSAValue] | None = None
    for i, (value, map_) in enumerate(zip(op.ins, maps_of(op), strict=True)):
        if i in padded or not reads_whole(map_, shape_of(value), shape_of(op.out)):
            continue
        producer = _sole_producer(value, op)
        if producer is not None and (best is None or best[0].is_before_in_block(producer)):
            best = producer, value
    if best is None or padded:
        return False
    if len(best[0].ins) + len(best[0].extras) + len(op.ins) - 1 > MAX_OPERANDS:
        return False
    if body_size(best[0]) + body_size(op) > MAX_BODY:
        return False
    return _fused(op, *best)


def _sole_producer(value: SSAValue, reader: Operation) -> KernelOp | None:
    """The kernel that computes a value, through reshapes, if nothing else reads it."""
    current, consumer = value, reader
    while True:
        if {use.operation for use in current.uses} != {consumer}:
            return None
        producer = defining(current)
        if isinstance(producer, KernelOp):
            whole = not isinstance(producer, MapOp) or producer.out_offsets is None
            takes = whole and not isinstance(producer, ScatterOp)
            return producer if takes and producer.parent_block() is consumer.parent_block() else None
        source = reshape_source(current)
        if source is None or not isinstance(producer, ReshapeOp):
            return None
        current, consumer = source, producer


def _fused(op: MapOp, producer: KernelOp, link: SSAValue) -> bool:
    """Puts `producer` with the body of `op` in its epilogue in the place of `op`. False if an operand does not fit."""
    shape, target = shape_of(producer.out), shape_of(op.out)
    operands: list[Operand] = []
    positions: list[int | None] = []
    for value, map_ in zip(op.ins, maps_of(op), strict=True):
        if value is link and reads_whole(map_, shape_of(value), target):
            positions.append(None)
            continue
        operand = None if value is link else reshaped_operand(value, map_, shape, target)
        if operand is None:
            for reshape in (r for o in operands for r in o.reshapes):
                reshape.erase()
            return False
        positions.append(len(operands))
        operands.append(operand)
    others = [(operand.value, operand.map) for operand in operands]
    reshapes = [reshape for operand in operands for reshape in operand.reshapes]
    for reshape in reshapes:
        Rewriter.insert_op(reshape, InsertPoint.before(op))
    new = _with_epilogue(op, producer, others, positions)
    result: OpResult = output_of(new)
    if shape != target:
        reshape = ReshapeOp(result, target)
        Rewriter.insert_op(reshape, InsertPoint.before(op))
        result = reshape.results[0]
    output_of(op).replace_all_uses_with(result)
    Rewriter.erase_op(op)
    _erase_producer(link)
    return True


def _erase_producer(link: SSAValue) -> None:
    """Erases the kernel that computes a value which nothing reads any more, and the reshapes behind it."""
    value: SSAValue | None = link
    while value is not None and (producer := defining(value)) is not None:
        value = reshape_source(value)
        Rewriter.erase_op(producer)


def _with_epilogue(
    op: MapOp, producer: KernelOp, others: Sequence[tuple[SSAValue, AffineMap]], positions: Sequence[int | None]
) -> KernelOp:
    """`producer` followed by the body of `op`, placed before `op`; `positions` None stands for the producer's value.

    The body of `producer`, which is to be erased, moves."""
    values, maps, _ = element_operands(producer)
    lead = [] if isinstance(producer, MapOp) else [producer.accumulator()]
    own = len(lead) + len(values)
    body = ScalarBody(
        [*lead, *(element_type_of_value(v) for v in values), *(element_type_of_value(v) for v, _ in others)]
    )
    inner = body.arguments[0] if producer.body is None else inline(body, producer.body, body.arguments[:own], move=True)
    assert op.body is not None
    yielded = inline(body, op.body, [inner if p is None else body.arguments[own + p] for p in positions])
    element = element_type_of_value(op.out)
    out = empty_like(shape_of(producer.out), element)
    Rewriter.insert_op(out, InsertPoint.before(op))
    region = body.finish(yielded, element)
    operands = [*values, *(v for v, _ in others)]
    all_maps = [*maps, *(m for _, m in others)]
    if isinstance(producer, MapOp):
        new = rebuilt(producer, operands, out.results[0], body=region, properties={"maps": maps_attr(all_maps)})
    else:
        new = rebuilt(producer, list(producer.ins), out.results[0], extras=operands, extra_maps=all_maps, body=region)
    Rewriter.insert_op(new, InsertPoint.before(op))
    return new
