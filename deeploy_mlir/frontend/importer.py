"""From an ONNX model to a module on the graph level."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, BFloat16Type, Float16Type, Float32Type, ModuleOp, StringAttr
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.rewriter import InsertPoint

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.frontend.control_flow import CONTROL_FLOW
from deeploy_mlir.frontend.dimensions import bound_shape, check_sizes, symbolic_dimensions
from deeploy_mlir.frontend.expansion import check_expansion
from deeploy_mlir.frontend.graph import GraphImporter
from deeploy_mlir.frontend.input_values import Given, input_value
from deeploy_mlir.frontend.load import load_model
from deeploy_mlir.graph.budget import Budget
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.types import (
    AnyTensor,
    checked_tensor,
    element_of_onnx,
    parse_element_type,
    tensor,
    type_from_data,
)
from deeploy_mlir.graph.value import Value
from deeploy_mlir.program.npz import match_arrays
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import identifier, prefix_of, prefix_problem
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.support.remarks import remark


def import_model(
    model: str | Path | bytes | onnx.ModelProto,
    *,
    name: str | None = None,
    input_types: Mapping[str, str] | None = None,
    types_from: Mapping[str, Array] | None = None,
    dims: Mapping[str, int] | None = None,
    input_values: Mapping[str, Given] | None = None,
) -> ModuleOp:
    """Import an ONNX model (a path, its bytes, or the protobuf) of operator set 7 or newer.

    `name`: C prefix of the network (default: one made of the file's name). `input_types`: element types of inputs by
    name, such as {"x": "ui8"}, instead of the declared ones. `types_from`: sample inputs (matched by name, else by
    position); an input that the file declares FLOAT gets the smallest integer type that its sample fits in, if the
    sample is integral. `dims`: values of symbolic dimensions. `input_values`: values of inputs by
    name, which are then constants instead of inputs; an If on one takes the branch that this selects, whatever the
    other holds.

    Gives a module of one function on `onnx` and `qnn` operations, every tensor of static shape, constants as globals.
    Raises DeeployError for anything that cannot be imported."""
    if name is not None and (problem := prefix_problem(name)) is not None:
        raise DeeployError(f"'{name}' cannot be the prefix of C names: {problem}; --name {prefix_of(name)} would do")
    proto, base_dir, found_name = load_model(model)
    symbol = name or _prefix_from(found_name)
    try:
        found = _Import(proto, base_dir, symbol, input_types or {}, types_from or {}, dims or {}, input_values or {})
        return found.run()
    except RecursionError:
        raise DeeployError("its graphs or functions are nested too deeply", symbol) from None
    except MemoryError:
        raise DeeployError("a tensor of it does not fit in memory", symbol) from None


def _prefix_from(found: str) -> str:
    """The C prefix made of the file's or the graph's name; a remark says where it is another name."""
    prefix = prefix_of(found)
    if found and prefix != re.sub(r"[ .-]", "_", found):
        reason = prefix_problem(found) or "it is no C name"
        remark(found, f"C names begin with {prefix}, since {reason}; --name chooses another prefix")
    return prefix


class _Import:
    def __init__(
        self,
        model: onnx.ModelProto,
        base_dir: str,
        symbol: str,
        input_types: Mapping[str, str],
        types_from: Mapping[str, Array],
        dims: Mapping[str, int],
        input_values: Mapping[str, Given],
    ) -> None:
        self.model, self.base_dir, self.symbol, self.dims = model, base_dir, symbol, dims
        constants = {tensor.name for tensor in model.graph.initializer}
        constants |= {sparse.values.name for sparse in model.graph.sparse_initializer}
        self.inputs = [value for value in model.graph.input if value.name not in constants]
        self.dimensions = symbolic_dimensions(self.inputs)
        if not model.graph.output:
            raise DeeployError("the graph has no outputs; declare what it is to compute", symbol)
        names = [value.name for value in self.inputs]
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise DeeployError(f"input '{twice}' is declared twice", symbol)
        for asked, what in [
            *((name, "an input type") for name in input_types),
            *((n, "a value") for n in input_values),
        ]:
            if asked not in names:
                raise DeeployError(f"{what} is given for '{asked}', but the inputs are {', '.join(names)}", symbol)
            if asked in input_types and asked in input_values:
                raise DeeployError("is given a value, which has its declared type; leave the input type out", asked)
        self.values = {
            value.name: input_value(value, input_values[value.name], self.dimensions[value.name], dims)
            for value in self.inputs
            if value.name in input_values
        }
        self.inputs = [value for value in self.inputs if value.name not in input_values]
        names = [value.name for value in self.inputs]
        self.given = {key: parse_element_type(text) for key, text in input_types.items()}
        self.samples = match_arrays(types_from, names) if types_from else {}

    def declared(self, value: onnx.ValueInfoProto) -> AnyTensor:
        """The declared type of an input. Raises DeeployError for what is no tensor or has a free dimension."""
        if value.type.WhichOneof("value") != "tensor_type":
            raise DeeployError("is no tensor; sequences, maps and optional values are not supported", value.name)
        proto = value.type.tensor_type
        if not proto.HasField("shape"):
            raise DeeployError("has no declared shape; give the input a static shape", value.name)
        shape = bound_shape(value, self.dimensions[value.name], self.dims)
        return checked_tensor(element_of_onnx(proto.elem_type, value.name), shape, value.name)

    def element(self, value: onnx.ValueInfoProto, declared: AnyTensor) -> Attribute:
        """The element type of an input: the one asked for, else by its sample if it is declared FLOAT, else declared.

        A 16-bit float that does not hold its sample exactly becomes f32."""
        element = cast(Attribute, declared.element_type)
        if value.name in self.given:
            return self.given[value.name]
        sample = self.samples.get(value.name)
        if sample is None:
            return element
        if element == Float32Type():
            return type_from_data(sample)
        if isinstance(element, Float16Type | BFloat16Type):
            held = sample.astype(numpy_dtype(element)).astype(np.float64)
            if not np.array_equal(held, sample.astype(np.float64), equal_nan=True):
                remark(value.name, f"the sample does not fit in {element}: the network is taken in f32")
                return Float32Type()
        return element

    def check_computes(self, results: Sequence[SSAValue]) -> None:
        """Raises DeeployError if a dimension was given as 0 and no output has an element for that."""
        empty = [name for name, size in self.dims.items() if size == 0]
        if empty and all(0 in tensor_type(value).get_shape() for value in results):
            given = " ".join(f"--dim {name}=0" for name in empty)
            raise DeeployError(
                f"with {given} no output has an element: nothing would be computed; give the dimension at least 1",
                self.symbol,
            )

    def run(self) -> ModuleOp:
        """The module."""
        check_sizes(self.dimensions, self.dims, self.symbol)
        check_expansion(self.model, {value.name for value in self.inputs})
        declared = [self.declared(value) for value in self.inputs]
        elements = [self.element(value, type_) for value, type_ in zip(self.inputs, declared, strict=True)]
        types = [tensor(e, list(t.get_shape())) for e, t in zip(elements, declared, strict=True)]
        body = Block(arg_types=types)
        module_block = Block()
        env: dict[str, Value] = {}
        for argument, value, type_ in zip(body.args, self.inputs, declared, strict=True):
            argument.name_hint = identifier(value.name, f"input_{argument.index}")
            found = Value(value.name, argument)
            found.retyped = found.is_integer and found.element_type != type_.element_type
            env[value.name] = found
        budget = Budget(self.model.ByteSize())
        emitter = Emitter(module_block, InsertPoint.at_end(body), taken=[self.symbol], budget=budget)
        narrow = any(isinstance(t.element_type, Float16Type | BFloat16Type) for t in declared)
        widen = narrow and all(not isinstance(e, Float16Type | BFloat16Type) for e in elements)
        importer = GraphImporter(emitter, self.model, self.base_dir, CONTROL_FLOW, widen_floats=widen)
        env.update((name, importer.constant(array, name)) for name, array in self.values.items())
        outputs = importer.graph(self.model.graph, env)
        results = [emitter.ssa(value) for value in outputs]
        self.check_computes(results)
        emitter.builder.insert(func.ReturnOp(*results))
        function = func.FuncOp(
            self.symbol, (types, [value.type for value in results]), Region(body), visibility="public"
        )
        function.attributes["arg_names"] = _names(self.inputs)
        function.attributes["result_names"] = _names(self.model.graph.output)
        module_block.add_op(function)
        module = ModuleOp(Region(module_block), sym_name=StringAttr(self.symbol))
        erase_dead(module)
        module.verify()
        return module


def _names(values: Any) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(value.name) for value in values])
