"""`convert-kernel-to-tiled`: each kernel becomes a nest that writes into a `tiled.empty`, still without a plan."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, SymbolRefAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.ml_program import GlobalLoadConstantOp
from xdsl.dialects.tensor import EmptyOp as TensorEmptyOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import KernelOp, MapOp, identity_body, shape_of
from deeploy_mlir.dialects.tiled import ConstantOp, EmptyOp, nest_of, root_of


def copy_of(value: SSAValue, layer: str) -> tuple[TensorEmptyOp, MapOp]:
    """An elementwise copy of a tensor into a new one, and the new one."""
    assert isa(value.type, TensorType)
    shape = value.type.get_shape()
    empty = TensorEmptyOp([], value.type)
    identity = AffineMapAttr(AffineMap.identity(len(shape)))
    element = value.type.element_type
    copy = MapOp(
        [value],
        empty.tensor,
        layer=layer,
        body=identity_body(element, element),
        properties={"maps": ArrayAttr([identity])},
    )
    return empty, copy


def give_results_their_own_buffers(function: FuncOp) -> None:
    """Every returned tensor is the only one in its buffer: inputs, constants and shared buffers are copied."""
    last = function.body.block.last_op
    assert isinstance(last, ReturnOp)
    taken: set[SSAValue] = set()
    for number, value in enumerate(last.arguments):
        if 0 in shape_of(value):  # nothing to write
            empty = EmptyOp(value.type)
            Rewriter.insert_op(empty, InsertPoint.before(last))
            last.operands[number] = empty.result
            continue
        root = root_of(_kernel_root(value))
        if isinstance(root, BlockArgument) or not isinstance(root.owner, TensorEmptyOp) or root in taken:
            empty, copy = copy_of(value, f"output_{number}")
            Rewriter.insert_op([empty, copy], InsertPoint.before(last))
            last.operands[number] = copy.results[0]
            root = empty.tensor
        taken.add(root)


def _kernel_root(value: SSAValue) -> SSAValue:
    """The tensor that the chain of kernels and reshapes behind `value` writes into."""
    value = root_of(value)
    while isinstance(value.owner, KernelOp):
        value = root_of(value.owner.out)
    return value


def name_constants(function: FuncOp) -> None:
    """One `tiled.constant` for each global that the function uses, at its head."""
    known: dict[SymbolRefAttr, ConstantOp] = {}
    for load in [o for o in function.body.walk() if isinstance(o, GlobalLoadConstantOp)]:
        if all(use.operation.parent is None for use in load.result.uses):  # rewrites may leave detached users behind
            Rewriter.erase_op(load, safe_erase=False)
            continue
        symbol = load.global_attr
        assert isinstance(symbol, SymbolRefAttr)
        if symbol not in known:
            known[symbol] = ConstantOp(symbol, load.result.type)
            Rewriter.insert_op(known[symbol], InsertPoint.at_start(function.body.block))
        Rewriter.replace_op(load, [], [known[symbol].result])


@dataclass(frozen=True)
class ConvertKernelToTiledPass(ModulePass):
    """Wraps kernels into nests."""

    name = "convert-kernel-to-tiled"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [f for f in op.body.block.ops if isinstance(f, FuncOp)]:
            give_results_their_own_buffers(function)
            name_constants(function)
            for kernel in [k for k in function.body.walk() if isinstance(k, KernelOp)]:
                out = kernel.out
                if isinstance(out.owner, TensorEmptyOp):
                    # A buffer for each writer, even where equal empty tensors were merged.
                    buffer = EmptyOp(out.type)
                    Rewriter.insert_op(buffer, InsertPoint.before(kernel))
                    out = buffer.result
                Rewriter.replace_op(kernel, nest_of(kernel, out))
            for empty in [e for e in function.body.walk() if isinstance(e, TensorEmptyOp)]:
                if not list(empty.tensor.uses):
                    Rewriter.erase_op(empty)
