"""Building graph-level operations from values: constants on demand, result types by inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
from xdsl.builder import Builder
from xdsl.dialects import ml_program
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, IntegerType, StringAttr, SymbolRefAttr
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects import onnx as onnx_dialect
from deeploy_mlir.dialects import qnn
from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.symbol_table import note_symbol
from deeploy_mlir.graph.budget import Budget
from deeploy_mlir.graph.checks import check_elements, check_node
from deeploy_mlir.graph.evaluate import MAX_EVALUATED_BYTES, evaluate, is_small
from deeploy_mlir.graph.inference import infer_types
from deeploy_mlir.graph.types import AnyTensor, tensor
from deeploy_mlir.graph.value import Value
from deeploy_mlir.ir.symbols import symbols_in
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import Identifiers, identifier
from deeploy_mlir.support.numpy_types import Array, dense, numpy_dtype


class Emitter:
    """Appends operations at one place of a network's function, and constants to its module."""

    def __init__(
        self,
        module_block: Block,
        insert: InsertPoint,
        *,
        loads_first: bool = False,
        taken: Sequence[str] = (),
        budget: Budget | None = None,
    ) -> None:
        """Insert at `insert`; constants are read there too, or at the head of its block if `loads_first`.

        `taken`: symbols that the module is yet to define. `budget`: what may be spent on the values of constants."""
        self.budget = budget or Budget()
        self.module_block = module_block
        self._loads_block = insert.block if loads_first else None
        self.builder = Builder(insert)
        self.symbols = Identifiers([*taken, *symbols_in(module_block)])
        self._first = module_block.first_op
        self._loads: dict[DenseIntOrFPElementsAttr, SSAValue] = {}

    def constant(self, array: Array | Sequence[int], name: str) -> Value:
        """A constant (a list is int64)."""
        return Value.of_array(
            np.asarray(array, np.int64) if isinstance(array, list | tuple) else np.asarray(array), name
        )

    def load(self, value: Value, element: Attribute | None = None) -> SSAValue:
        """The SSA value of a constant in this element type (default: its own), read from a global of the module."""
        array = value.array()
        if element is None:
            element = value.element_type
        attr = dense(array, element)
        if attr not in self._loads:
            symbol = self.symbols.fresh(identifier(value.name, "constant"))
            constant = ml_program.GlobalOp(StringAttr(symbol), attr.type, None, attr, StringAttr("private"))
            if self._first is None:
                self.module_block.add_op(constant)
            else:
                self.module_block.insert_op_before(constant, self._first)
                note_symbol(constant)
            load = ml_program.GlobalLoadConstantOp(SymbolRefAttr(symbol), attr.type)
            if self._loads_block is None:
                self.builder.insert(load)
            else:
                self._loads_block.insert_ops_before([load], cast(Operation, self._loads_block.first_op))
            load.result.name_hint = symbol
            self._loads[attr] = load.result
        return self._loads[attr]

    def ssa(self, value: Value) -> SSAValue:
        """The SSA value of a tensor; a constant is loaded where it is first used."""
        return value.ssa if value.ssa is not None else self.load(value)

    def as_type(self, value: Value, element: Attribute, node: str) -> Value:
        """The tensor with another element type: a constant anew, else by onnx.Cast."""
        if value.element_type == element:
            return value
        if value.is_constant:
            array = value.array()
            converted = array.astype(numpy_dtype(element))
            if array.size and isinstance(element, IntegerType) and not np.array_equal(converted, array):
                raise DeeployError(f"constant '{value.name}' does not fit in {element}", node)
            found = Value.of_array(converted, value.name)
        else:
            onnx_type = onnx.helper.np_dtype_to_tensor_dtype(numpy_dtype(element))
            (found,) = self.onnx("Cast", [value], {"to": int(onnx_type)}, node)
        found.retyped = value.retyped
        return found

    def onnx(
        self,
        op_type: str,
        inputs: Sequence[Value | None],
        attrs: Mapping[str, Any],
        node: str,
        wanted: Sequence[bool] = (True,),
        declared: Sequence[AnyTensor | None] = (),
    ) -> list[Value]:
        """Append an ONNX operator; one value for each wanted output.

        `declared` gives types for outputs that inference cannot find. Raises DeeployError naming the node."""
        cls = onnx_dialect.OPERATORS[op_type]
        check_node(op_type, inputs, attrs, node)
        types = infer_types(op_type, inputs, attrs, node, wanted, declared)
        if types and types[0] is not None:
            check_elements(op_type, inputs, types[0].get_shape(), node)
        operands = [None if value is None else self.ssa(value) for value in inputs]
        return self._append(cls, operands, types, attrs, node, inputs)

    def qnn(self, op_type: str, inputs: Sequence[Value | None], attrs: Mapping[str, Any], node: str) -> list[Value]:
        """Append a `qnn` operator; its result types follow from its operands. Raises DeeployError naming the node."""
        cls = qnn.OPERATORS[op_type]
        operands = [None if value is None else self.ssa(value) for value in inputs]
        try:
            draft = cls.of(operands, [tensor(IntegerType(8), ())] * len(cls.get_irdl_definition().results), attrs, node)
            types = list(draft.infer())
            draft.erase()
        except (VerifyException, KeyError) as error:
            raise DeeployError(str(error).removeprefix(f"{node}: "), node) from None
        return self._append(cls, operands, types, attrs, node, inputs)

    def _append(
        self,
        cls: type[GraphOp],
        operands: Sequence[SSAValue | None],
        types: Sequence[Attribute | None],
        attrs: Mapping[str, Any],
        node: str,
        inputs: Sequence[Value | None],
    ) -> list[Value]:
        try:
            op = cls.of(operands, types, attrs, node)
            op.verify_()
        except VerifyException as error:
            raise DeeployError(str(error).removeprefix(f"{node}: "), node) from None
        self.builder.insert(op)
        constant = all(value is None or value.is_constant for value in inputs) or op.name in ("onnx.Shape", "onnx.Size")
        evaluated: list[list[Array]] = []

        def result(index: int) -> Array:
            if not evaluated:
                if op.name in ("onnx.Shape", "onnx.Size"):
                    arrays = [np.broadcast_to(np.int8(0), value.shape) for value in inputs if value is not None]
                else:
                    arrays = [None if value is None else value.array() for value in inputs]
                if not is_small(op, MAX_EVALUATED_BYTES):
                    raise DeeployError(f"is a constant of more than {MAX_EVALUATED_BYTES >> 20} MiB", node)
                if op.name not in ("onnx.Shape", "onnx.Size") and not self.budget.take(op):
                    raise DeeployError("is a constant that takes too long to compute; store its value instead", node)
                evaluated.append(evaluate(op, arrays))
            return evaluated[0][index]

        values: list[Value] = []
        for index, ssa in enumerate(op.results):
            source = (lambda i=index: result(i)) if constant else None
            values.append(Value(f"{node}_{index}" if index else node, ssa, source))
        return values
