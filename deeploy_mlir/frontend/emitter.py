"""Building graph-level operations from values: constants on demand, result types by ONNX's own shape inference."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.errors import DeeployError
from deeploy_mlir.frontend.types import AnyTensor, element_of_onnx, tensor, type_proto
from deeploy_mlir.interpreters.graph import evaluate
from deeploy_mlir.numpy_types import Array, dense, element_type_of, numpy_dtype

MAX_ELEMENTS = 1 << 31
"""A tensor with more elements is refused: no target of this compiler holds it."""

MAX_EVALUATED = 1 << 27
"""Constants of more elements are not computed when a network is imported."""

_SHAPE_DATA_ELEMENTS = 4096
_SHAPE_DATA_RANK = 1


@dataclass(eq=False)
class Value:
    """A tensor of the network while it is imported.

    A constant has `source`, which computes it when it is asked for; it gets SSA values only where it is used.
    `retyped`: the ONNX file says float, but the tensor carries integers here."""

    name: str
    ssa: SSAValue | None = None
    source: Callable[[], Array] | None = None
    retyped: bool = False
    _array: Array | None = field(default=None, init=False)

    @staticmethod
    def of_array(array: Array, name: str) -> Value:
        """A constant."""
        value = Value(name, source=lambda: array)
        value._array = array
        return value

    def known(self) -> Array | None:
        """The constant's value, None if this is no constant."""
        if self._array is None and self.source is not None:
            self._array = self.source()
        return self._array

    def array(self) -> Array:
        """The constant's value. Raises DeeployError if this is no constant."""
        found = self.known()
        if found is None:
            raise DeeployError("must be a constant", self.name)
        return found

    @property
    def is_constant(self) -> bool:
        """Whether the value is known when the network is compiled."""
        return self.source is not None

    @property
    def type(self) -> AnyTensor:
        """Tensor type; of a constant without SSA value that of its array."""
        if self.ssa is not None:
            return tensor_type(self.ssa)
        array = self.array()
        try:
            return tensor(element_type_of(array.dtype), array.shape)
        except TypeError:
            raise DeeployError(f"has element type {array.dtype}, which is not supported", self.name) from None

    @property
    def shape(self) -> tuple[int, ...]:
        """The static shape."""
        return tuple(self.type.get_shape())

    @property
    def element_type(self) -> Attribute:
        """The element type."""
        return cast(Attribute, self.type.element_type)

    @property
    def is_integer(self) -> bool:
        """Whether the elements are integers of at least 8 bits."""
        return qnn.is_integer(self.element_type)


def identifier(name: str, fallback: str = "net") -> str:
    """A valid C identifier made of a name."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")
    if not text:
        return fallback
    return text if not text[0].isdigit() else f"_{text}"


class Emitter:
    """Appends operations at one place of a network's function, and constants to its module."""

    def __init__(self, module_block: Block, insert: InsertPoint, *, loads_first: bool = False) -> None:
        """Insert at `insert`; constants are read there too, or at the head of its block if `loads_first`."""
        self.module_block = module_block
        self._loads_block = insert.block if loads_first else None
        self.builder = Builder(insert)
        self.symbols = {op.sym_name.data for op in module_block.ops if isinstance(op, ml_program.GlobalOp)}
        self._first = module_block.first_op
        self._loads: dict[DenseIntOrFPElementsAttr, SSAValue] = {}

    def constant(self, array: Array | Sequence[int], name: str) -> Value:
        """A constant (a list is int64)."""
        return Value.of_array(
            np.asarray(array, np.int64) if isinstance(array, list | tuple) else np.asarray(array), name
        )

    def _symbol(self, name: str) -> str:
        base = identifier(name, "constant")
        symbol, count = base, 1
        while symbol in self.symbols:
            symbol, count = f"{base}_{count}", count + 1
        self.symbols.add(symbol)
        return symbol

    def load(self, value: Value, element: Attribute | None = None) -> SSAValue:
        """The SSA value of a constant in this element type (default: its own), read from a global of the module."""
        array = value.array()
        if element is None:
            element = value.element_type
        attr = dense(array, element)
        if attr not in self._loads:
            symbol = self._symbol(value.name)
            constant = ml_program.GlobalOp(StringAttr(symbol), attr.type, None, attr, StringAttr("private"))
            if self._first is None:
                self.module_block.add_op(constant)
            else:
                self.module_block.insert_op_before(constant, self._first)
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
        types = infer_types(op_type, inputs, attrs, node, wanted, declared)
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
                if any(math.prod(tensor_type(r).get_shape()) > MAX_EVALUATED for r in op.results):
                    raise DeeployError(f"is a constant of more than {MAX_EVALUATED} elements", node)
                if op.name in ("onnx.Shape", "onnx.Size"):
                    arrays = [np.broadcast_to(np.int8(0), value.shape) for value in inputs if value is not None]
                else:
                    arrays = [None if value is None else value.array() for value in inputs]
                evaluated.append(evaluate(op, arrays))
            return evaluated[0][index]

        values: list[Value] = []
        for index, ssa in enumerate(op.results):
            source = (lambda i=index: result(i)) if constant else None
            values.append(Value(f"{node}_{index}" if index else node, ssa, source))
        return values


def infer_types(
    op_type: str,
    inputs: Sequence[Value | None],
    attrs: Mapping[str, Any],
    node: str,
    wanted: Sequence[bool],
    declared: Sequence[AnyTensor | None] = (),
) -> list[AnyTensor | None]:
    """Types of the wanted outputs of an ONNX operator. Raises DeeployError if a shape depends on data, or misfits."""
    schema = onnx_dialect.OPERATORS[op_type].schema
    proto = onnx.NodeProto(op_type=op_type, name=node)
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    wide = _wide_integers(op_type, inputs)
    for index, value in enumerate(inputs):
        if value is None:
            proto.input.append("")
            continue
        name = f"i{index}"
        proto.input.append(name)
        found = value.type
        types[name] = type_proto(tensor(IntegerType(8), list(found.get_shape())) if wide and index < 2 else found)
        small = len(value.shape) <= _SHAPE_DATA_RANK and math.prod(value.shape) <= _SHAPE_DATA_ELEMENTS
        if value.is_constant and small:
            data[name] = onnx.numpy_helper.from_array(np.array(value.array()))
    proto.output.extend(f"o{i}" if want else "" for i, want in enumerate(wanted))
    for name, attribute in attrs.items():
        kind = cast(Any, int(cast(Any, schema.attributes[name].type).value))
        content: Any = attribute
        if isinstance(attribute, np.ndarray):
            content = onnx.numpy_helper.from_array(np.array(cast(Array, attribute)))
        proto.attribute.append(onnx.helper.make_attribute(name, content, attr_type=kind))
    opset = onnx.helper.make_opsetid("", onnx.defs.onnx_opset_version())
    try:
        inferred = onnx.shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=[opset])
    except Exception as error:  # onnx raises its own C++ exceptions
        text = str(error).strip().splitlines()
        raise DeeployError(f"{op_type} does not take these inputs: {text[-1] if text else error}", node) from None
    results: list[AnyTensor | None] = []
    for index, want in enumerate(wanted):
        fallback = declared[index] if index < len(declared) else None
        found = _static_type(inferred.get(f"o{index}"), fallback, node, index) if want else None
        if found is not None and wide and op_type == "MaxPool" and index == 0:
            found = tensor(cast(Value, inputs[0]).element_type, list(found.get_shape()))
        results.append(found)
    return results


def _wide_integers(op_type: str, inputs: Sequence[Value | None]) -> bool:
    """Whether an operator that our dialect widens has integers that its ONNX schema does not take."""
    return op_type in ("ConvInteger", "MatMulInteger", "MaxPool") and any(
        value is not None and value.is_integer and numpy_dtype(value.element_type).itemsize > 1 for value in inputs
    )


def _static_type(proto: onnx.TypeProto | None, fallback: AnyTensor | None, node: str, index: int) -> AnyTensor:
    tensor_proto = None if proto is None else proto.tensor_type
    if tensor_proto is None or not tensor_proto.elem_type or not tensor_proto.HasField("shape"):
        if fallback is None:
            raise DeeployError(f"the shape of output {index} cannot be inferred and is not declared", node)
        return fallback
    shape: list[int] = []
    for axis, dim in enumerate(tensor_proto.shape.dim):
        if dim.HasField("dim_value"):
            shape.append(dim.dim_value)
        elif fallback is not None and len(fallback.get_shape()) == len(tensor_proto.shape.dim):
            shape.append(fallback.get_shape()[axis])
        else:
            raise DeeployError(
                f"dimension {axis} of output {index} depends on data; only shapes known beforehand can be compiled",
                node,
            )
    if any(n < 0 for n in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise DeeployError(f"output {index} would have shape {shape}, more than {MAX_ELEMENTS} elements", node)
    return tensor(element_of_onnx(tensor_proto.elem_type, node), shape)
