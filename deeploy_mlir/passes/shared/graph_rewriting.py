"""What passes on the graph level share: constants as arrays, building operations, replacing them, dead code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xdsl.dialects import func, ml_program
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.traits import is_side_effect_free
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.symbol_table import lookup_symbol
from deeploy_mlir.graph.budget import Budget, stored_bytes
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import Array, array_of


class GraphRewriter:
    """One function of a module on the graph level, being rewritten."""

    def __init__(self, module: ModuleOp, function: func.FuncOp) -> None:
        self.module, self.function = module, function
        self.block = function.body.block
        first = self.block.first_op
        assert first is not None, "a function has at least its return"
        budget = Budget(stored_bytes(module))
        self.emitter = Emitter(module.body.block, InsertPoint.before(first), loads_first=True, budget=budget)

    @staticmethod
    def of_module(module: ModuleOp) -> Iterator[GraphRewriter]:
        """A rewriter for each function of the module that has a body."""
        for op in list(module.ops):
            if isinstance(op, func.FuncOp) and op.body.blocks and op.body.block.first_op is not None:
                yield GraphRewriter(module, op)

    def graph_ops(self) -> list[GraphOp]:
        """The operations of the graph level, in order."""
        return [op for op in self.block.ops if isinstance(op, GraphOp)]

    def array(self, value: SSAValue | None) -> Array | None:
        """The value of a constant, None if it is none."""
        owner = value.owner if value is not None else None
        if not isinstance(owner, ml_program.GlobalLoadConstantOp):
            return None
        found = lookup_symbol(owner, owner.global_attr)
        content = found.value if isinstance(found, ml_program.GlobalOp) else None
        return array_of(content) if isa(content, DenseIntOrFPElementsAttr) else None

    def value(self, ssa: SSAValue) -> Value:
        """An SSA value as the emitter takes it."""
        array = self.array(ssa)
        owner = ssa.owner
        if array is None or not isinstance(owner, ml_program.GlobalLoadConstantOp):
            return Value(ssa.name_hint or "value", ssa)
        return Value(owner.global_attr.string_value(), ssa, source=lambda: array)

    def before(self, op: Operation) -> Emitter:
        """The emitter, inserting before this operation."""
        self.emitter.builder.insertion_point = InsertPoint.before(op)
        return self.emitter

    def constant(self, array: Array | Sequence[int], name: str) -> Value:
        """A new constant."""
        return self.emitter.constant(array, name)

    def insert(
        self,
        before: GraphOp,
        op_type: str,
        inputs: Sequence[SSAValue | Value | None],
        attrs: Mapping[str, Any] | None = None,
    ) -> Value:
        """A new ONNX operation of one result before `before`, with its node name."""
        values = [self.value(v) if isinstance(v, SSAValue) else v for v in inputs]
        return self.before(before).onnx(op_type, values, attrs or {}, before.node_name)[0]

    def insert_qnn(
        self, before: GraphOp, op_type: str, inputs: Sequence[SSAValue | Value], attrs: Mapping[str, Any] | None = None
    ) -> Value:
        """A new `qnn` operation of one result before `before`, with its node name."""
        values = [self.value(v) if isinstance(v, SSAValue) else v for v in inputs]
        return self.before(before).qnn(op_type, values, attrs or {}, before.node_name)[0]

    def replace(self, op: Operation, results: Sequence[Value | SSAValue | None]) -> None:
        """Replace the operation's results and erase it; None for a result that has no use."""
        for old, new in zip(op.results, results, strict=True):
            if new is None:
                continue
            ssa = new if isinstance(new, SSAValue) else self.before(op).ssa(new)
            if ssa.name_hint is None:
                ssa.name_hint = old.name_hint
            old.replace_all_uses_with(ssa)
        op.detach()
        op.erase()


def only_quantized(value: SSAValue) -> bool:
    """Whether a value is used by nothing but QuantizeLinears."""
    return all(is_onnx(use.operation, "QuantizeLinear") for use in value.uses)


def drop_unused(value: SSAValue) -> None:
    """Erase what computes a float that nobody uses, as far as it is for nothing else; QuantizeLinears stay."""
    waiting = [value]
    while waiting:
        op = waiting.pop().owner
        if not isinstance(op, GraphOp) or op.parent is None or is_onnx(op, "QuantizeLinear"):
            continue
        if is_side_effect_free(op) and not any(result.uses.get_length() for result in op.results):
            waiting.extend(op.operands)
            op.detach()
            op.erase()


def is_onnx(op: Any, *op_types: str) -> bool:
    """Whether something is one of these ONNX operations."""
    return isinstance(op, OnnxOp) and op.op_type in op_types


def producer(value: SSAValue | None, *op_types: str) -> OnnxOp | None:
    """The ONNX operation of one of these types that gives the value, else None."""
    owner = value.owner if value is not None else None
    return owner if isinstance(owner, OnnxOp) and owner.op_type in op_types else None


def single_use(value: SSAValue) -> Operation | None:
    """The only operation that uses the value, None if there is none or there are several uses."""
    return value.get_user_of_unique_use()
