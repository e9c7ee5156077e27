"""`deeploy-fuse-nests`: layers that the user names share a nest, so that what is between them stays in the engine's
memory.

`groups="conv1+dw1,scores+softmax+context"` makes two nests. The kernels of a group run one behind the other on each
tile of the last one's output; see `space.fusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import ReshapeOp
from deeploy_mlir.dialects.tiled import EmptyOp, NestOp, YieldOp, root_of
from deeploy_mlir.space.fusion import FusionError
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class FuseNestsPass(ModulePass):
    """Builds one nest of the nests of each group of layers, in place of the last of them.

    Raises DeeployError, naming the layer that is in the way and why, where kernels cannot share a nest."""

    name = "deeploy-fuse-nests"
    groups: tuple[str, ...] = ()
    """For each nest the names of its layers, with `+` between them."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [f for f in op.body.block.ops if isinstance(f, FuncOp)]
        for group in [g for groups in self.groups for g in groups.split(",")]:
            fuse_group(functions, [name.strip() for name in group.split("+")])


def fuse_group(functions: Sequence[FuncOp], layers: Sequence[str]) -> None:
    """Fuses the nests of these layers. Raises DeeployError where that cannot be."""
    nests = [n for f in functions for n in f.body.block.ops if isinstance(n, NestOp)]
    known = {n.layer.data for n in nests}
    for layer in layers:
        if layer not in known:
            raise DeeployError(f"there is no nest of layer '{layer}' to fuse; there are: {', '.join(sorted(known))}")
    group = [n for n in nests if n.layer.data in layers]
    if len(group) < 2:
        raise DeeployError("a nest alone has nothing to be fused with; name two layers or more", layers[0])
    for nest in group[:-1]:
        _check_producer(nest, group)
    _check_order(group)
    fused = _fused(group)
    _check_spaces(fused)
    Rewriter.insert_op(fused, InsertPoint.before(group[-1]))
    group[-1].result.replace_all_uses_with(fused.result)
    for nest in reversed(group):
        empty = nest.out.owner if nest is not group[-1] else None
        Rewriter.erase_op(nest)
        if empty is not None:
            assert isinstance(empty, EmptyOp)
            Rewriter.erase_op(empty)


def _check_producer(nest: NestOp, group: Sequence[NestOp]) -> None:
    """What the nest writes is a tensor of its own that only the group reads."""
    layer, last = nest.layer.data, group[-1].layer.data
    if nest.planned:
        raise DeeployError("it has a plan already: deeploy-fuse-nests runs before deeploy-plan", layer)
    if not isinstance(nest.out.owner, EmptyOp) or any(u.operation is not nest for u in nest.out.uses):
        raise DeeployError(f"cannot share a nest with {last}: it writes into a part of another tensor", layer)
    for use in nest.result.uses:
        user = use.operation
        if isinstance(user, ReshapeOp):
            raise DeeployError(f"cannot share a nest with {last}: what it writes is reshaped before it is read", layer)
        if not isinstance(user, NestOp):
            raise DeeployError(f"cannot share a nest with {last}: what it writes is an output of the network", layer)
        if user not in group:
            raise DeeployError(f"cannot share a nest with {last}: {user.layer.data} reads what it writes too", layer)
        if use.index == len(user.ins):
            raise DeeployError(f"cannot share a nest with {last}: {user.layer.data} writes into its output", layer)


def _check_order(group: Sequence[NestOp]) -> None:
    """Nothing between the group's nests overwrites what those before it read, which then run behind it."""
    read: set[SSAValue] = set()
    op: Operation | None = group[0]
    while op is not None and op is not group[-1]:
        if isinstance(op, NestOp) and op not in group and root_of(op.out) in read:
            raise DeeployError(f"cannot share a nest: {op.layer.data} overwrites what it reads", group[0].layer.data)
        if isinstance(op, NestOp) and op in group:
            read |= {root_of(value) for value in op.ins}
        op = op.next_op


def _fused(group: Sequence[NestOp]) -> NestOp:
    """A nest of all kernels of the group, writing into what the last one writes into."""
    made = {nest.result for nest in group}
    ins = list(dict.fromkeys(v for nest in group for v in nest.ins if v not in made))
    last = group[-1]
    block = Block(arg_types=[v.type for v in (*ins, last.out)])
    inside: dict[SSAValue, SSAValue] = dict(zip(ins, block.args, strict=False))
    for nest in group:
        out: SSAValue = block.args[-1]
        if nest is not last:
            block.add_op(empty := EmptyOp(nest.out.type))
            out = empty.result
        body = nest.body.block
        mapping: dict[SSAValue, SSAValue] = dict(zip(body.args, [*(inside[v] for v in nest.ins), out], strict=True))
        for op in body.ops:
            if isinstance(op, YieldOp):
                inside[nest.result] = mapping[op.value]
            else:
                block.add_op(op.clone(mapping))
    block.add_op(YieldOp(inside[last.result]))
    layers = dict.fromkeys(nest.layer.data for nest in group)
    return NestOp(ins, last.out, Region(block), layer="+".join(layers))


def _check_spaces(fused: NestOp) -> None:
    try:
        fused.fused_space()
    except FusionError as error:
        raise DeeployError(
            f"cannot share a nest with {fused.kernel.layer.data}: {error}", fused.kernels[error.stage].layer.data
        ) from error
