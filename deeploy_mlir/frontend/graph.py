"""Importing the nodes of a graph, in whatever order they stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np
import onnx

from deeploy_mlir.dialects import onnx as onnx_dialect
from deeploy_mlir.frontend import microsoft, training
from deeploy_mlir.frontend.declared_shapes import fill_in
from deeploy_mlir.frontend.expansion import MAX_DEPTH, node_cost, node_limit, too_many
from deeploy_mlir.frontend.integers import apply_rules
from deeploy_mlir.frontend.legacy import drop_unknown_attributes, modernise
from deeploy_mlir.frontend.load import STANDARD, node_label, sorted_nodes, standard_opset
from deeploy_mlir.frontend.qonnx import quantize_to_four_bits
from deeploy_mlir.frontend.quantized import BY_TYPE
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, attribute_value, sparse_value, tensor_value
from deeploy_mlir.graph.types import AnyTensor, checked_tensor, element_of_onnx, type_proto
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import identifier
from deeploy_mlir.support.remarks import remark

ControlFlow = Mapping[str, "Callable[[GraphImporter, Node, MutableMapping[str, Value]], list[Value]]"]


_BYTES: Mapping[np.dtype[Any], type[np.integer[Any]]] = {
    np.dtype(ml_dtypes.int4): np.int8,
    np.dtype(ml_dtypes.uint4): np.uint8,
}
"""Integers of four bits, and the type that they are kept in."""


MOST_TOLD = 3
"""Tensors of other shapes than declared that a remark names."""


class GraphImporter:
    """Turns nodes into operations through an `Emitter`; used for the main graph, its subgraphs and local functions."""

    def __init__(
        self,
        emitter: Emitter,
        model: onnx.ModelProto,
        base_dir: str,
        control_flow: ControlFlow,
        *,
        widen_floats: bool = False,
    ) -> None:
        """`widen_floats`: take constants of 16-bit floats as f32."""
        self.emitter, self.base_dir, self.control_flow = emitter, base_dir, control_flow
        self.widen_floats = widen_floats
        self.opset = standard_opset(model)
        self.functions = {(f.domain, f.name): f for f in model.functions}
        self.private_operators = self._has_private_operators(model.graph)
        self._log_probabilities = {
            node.input[0] for node in model.graph.node if node.op_type == "SoftmaxCrossEntropyLossGrad" and node.input
        }
        self._depth = 0
        self._limit = node_limit(model)
        self._nodes = 0
        """Imported so far, those within the first trip of a loop once for each of its trips."""
        self._loops: list[tuple[str, int]] = []
        """The loops in whose first trip this is, outermost first: node and number of trips."""

    def _has_private_operators(self, graph: onnx.GraphProto) -> bool:
        return any(
            node.domain in STANDARD
            and (node.domain, node.op_type) not in self.functions
            and not onnx.defs.has(node.op_type, max_inclusive_version=self.opset, domain="")
            for node in graph.node
        )

    def graph(self, graph: onnx.GraphProto, env: MutableMapping[str, Value]) -> list[Value]:
        """Import a graph whose inputs (and outer names) are in `env`; its outputs. Raises DeeployError."""
        for initializer in graph.initializer:
            if initializer.name in env:
                raise DeeployError(f"tensor '{initializer.name}' is given twice", graph.name or "graph")
            env[initializer.name] = self._initializer(initializer)
        for sparse in graph.sparse_initializer:
            env[sparse.values.name] = self.constant(sparse_value(sparse, sparse.values.name), sparse.values.name)
        declared = declared_types(graph)
        nodes = sorted_nodes(graph.node, set(env), f"graph '{graph.name}'")
        for index, node in enumerate(nodes):
            self.node(node, index, env, self.opset, declared)
        if not self._depth:
            _tell_other_shapes(graph, env)
        return [self._lookup(env, value.name, graph.name or "graph") for value in graph.output]

    @contextmanager
    def first_trip(self, trips: int, node: Node) -> Generator[None]:
        """Around the first of a loop's trips, all of which are thereby known not to be too many nodes.

        Raises DeeployError within it otherwise."""
        before = self._nodes
        self._loops.append((node.name, trips))
        yield
        self._loops.pop()
        self._nodes = before + (self._nodes - before) // trips

    def _count(self, name: str, cost: int) -> None:
        """Count one more node. Raises DeeployError if that is too many."""
        self._nodes += cost * math.prod(trips for _, trips in self._loops)
        if self._nodes > self._limit:
            loops = " ".join(f"in a loop of {trips} trips ({loop})" for loop, trips in reversed(self._loops))
            raise DeeployError(f"{too_many(self._limit)}{': ' if loops else ''}{loops}", name)

    def _initializer(self, proto: onnx.TensorProto) -> Value:
        if proto.data_type not in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4):
            element_of_onnx(proto.data_type, proto.name)
        external = proto.data_location == onnx.TensorProto.EXTERNAL
        if external and not self.base_dir:
            raise DeeployError("has external data, but the model is not a file beside which they could lie", proto.name)
        return self.constant(tensor_value(proto, proto.name, self.base_dir), proto.name)

    def constant(self, array: Any, name: str) -> Value:
        """A constant of the model."""
        found = np.asarray(array)
        if self.widen_floats and any(found.dtype == np.dtype(narrow) for narrow in (np.float16, ml_dtypes.bfloat16)):
            found = found.astype(np.float32)
        bits = next((4 for narrow in _BYTES if found.dtype == narrow), None)
        if bits is not None:
            found = found.astype(_BYTES[found.dtype])
        value = self.emitter.constant(found, name)
        value.bits = bits
        return value

    @staticmethod
    def _lookup(env: Mapping[str, Value], name: str, where: str) -> Value:
        if name not in env:
            raise DeeployError(f"tensor '{name}' is given by no node, input or initializer", where)
        return env[name]

    def node(
        self,
        proto: onnx.NodeProto,
        index: int,
        env: MutableMapping[str, Value],
        opset: int,
        declared: Mapping[str, AnyTensor],
        attributes: Mapping[str, onnx.AttributeProto] | None = None,
    ) -> None:
        """Import one node and put its outputs into `env`."""
        name = node_label(proto, index)
        inputs = [self._lookup(env, key, name) if key else None for key in proto.input]
        while inputs and inputs[-1] is None:
            inputs.pop()
        attrs: dict[str, Any] = {}
        for attribute in proto.attribute:
            found = attribute
            if attribute.ref_attr_name:
                if attributes is None or attribute.ref_attr_name not in attributes:
                    continue
                found = attributes[attribute.ref_attr_name]
            attrs[attribute.name] = attribute_value(found, name)
        outputs = tuple(proto.output)
        node = Node(
            proto.op_type, "" if proto.domain in STANDARD else proto.domain, name, inputs, attrs, outputs, opset
        )
        self._count(name, node_cost(proto))
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DeeployError(f"graphs or functions are nested more than {MAX_DEPTH} deep", name)
        try:
            values = self._values(node, env, [declared.get(key) for key in outputs], proto)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, AssertionError) as error:
            # A corrupt file can give any attribute any kind, and any input any shape.
            raise DeeployError(f"{node.op_type} does not take these inputs and attributes: {error!r}", name) from error
        self._depth -= 1
        wanted = [key for key in outputs if key]
        for key, value in zip(wanted, values, strict=False):
            if value.ssa is not None and value.ssa.name_hint is None:
                value.ssa.name_hint = identifier(key, "value")
            env[key] = value

    def _values(
        self, node: Node, env: MutableMapping[str, Value], declared: Sequence[AnyTensor | None], proto: onnx.NodeProto
    ) -> list[Value]:
        function = self.functions.get((proto.domain, node.op_type))
        if function is not None:
            return self._inlined(function, node, proto)
        of_onnxruntime = microsoft.imported(self.emitter, node)
        if of_onnxruntime is not None:
            return of_onnxruntime
        if node.domain == training.DOMAIN and node.op_type in training.RULES:
            values = training.RULES[node.op_type](self.emitter, node)
            return [value for value, name in zip(values, node.outputs, strict=False) if name]
        if node.domain and onnx.defs.has(node.op_type, domain=node.domain):
            defined = self._defined(node, proto)
            if defined is not None:
                return defined
        if node.op_type in self.control_flow:
            return self.control_flow[node.op_type](self, node, env)
        if node.op_type == "Constant":
            return [self._constant(node)]
        return import_standard(self.emitter, node, declared, self)

    def _constant(self, node: Node) -> Value:
        for key, value in node.attrs.items():
            if key in ("value", "sparse_value"):
                return self.constant(value, node.name)
            if key in ("value_float", "value_floats"):
                return self.emitter.constant(np.asarray(value, np.float32), node.name)
            if key in ("value_int", "value_ints"):
                return self.emitter.constant(np.asarray(value, np.int64), node.name)
        raise DeeployError("Constant without a value of a supported kind", node.name)

    def _defined(self, node: Node, proto: onnx.NodeProto) -> list[Value] | None:
        """The outputs of an operator of a further domain of ONNX by its own definition, None if it has none."""
        schema: Any = onnx.defs.get_schema(node.op_type, domain=node.domain)
        if schema.has_context_dependent_function:
            version = max(schema.context_dependent_function_opset_versions)
            types = [onnx.TypeProto() if value is None else type_proto(value.type) for value in node.inputs]
            text = schema.get_context_dependent_function_with_opset_version(
                version, proto.SerializeToString(), [t.SerializeToString() for t in types]
            )
        elif schema.has_function:
            text = schema.get_function_with_opset_version(max(schema.function_opset_versions))
        else:
            return None
        if not text:
            return None
        defaults = {a.name: a.default_value for a in schema.attributes.values() if a.default_value.type}
        return self._inlined(onnx.FunctionProto.FromString(text), node, proto, defaults)

    def _inlined(
        self,
        function: onnx.FunctionProto,
        node: Node,
        proto: onnx.NodeProto,
        defaults: Mapping[str, onnx.AttributeProto] | None = None,
    ) -> list[Value]:
        """The outputs of a function of the model, its nodes imported in place of the call."""
        attributes = dict(defaults or {}) | {a.name: a for a in function.attribute_proto}
        attributes.update({a.name: a for a in proto.attribute})
        opsets = [entry.version for entry in function.opset_import if entry.domain in STANDARD]
        return self.function_body(function, node, attributes, opsets[0] if opsets else self.opset)

    def function_body(
        self, function: onnx.FunctionProto, node: Node, attributes: Mapping[str, onnx.AttributeProto], opset: int
    ) -> list[Value]:
        """Import a function's nodes with the inputs of `node`; the values of the wanted outputs."""
        inner: dict[str, Value] = {}
        for key, value in zip(function.input, node.inputs, strict=False):
            if value is not None:
                inner[key] = value
        missing = [key for key in function.input if key not in inner]
        nodes = [_without_inputs(n, missing) for n in function.node]
        for index, inner_node in enumerate(sorted_nodes(nodes, set(inner), f"function '{function.name}'")):
            inner_node.name = f"{node.name}_{inner_node.name or inner_node.op_type}"
            self.node(inner_node, index, inner, opset, {}, attributes)
        return [
            self._lookup(inner, key, node.name)
            for key, outer in zip(function.output, node.outputs, strict=False)
            if outer
        ]

    def is_log_probability(self, node: Node, declared: AnyTensor | None) -> bool:
        """Whether a SoftmaxCrossEntropyLoss with one output gives log-probabilities, as training exporters mean it:
        its output has the logits' shape by declaration, or the gradient operator reads it as such."""
        logits = node.required(0)
        by_shape = declared is not None and tuple(declared.get_shape()) == logits.shape and len(logits.shape) > 0
        return len(node.wanted) == 1 and (by_shape or node.outputs[0] in self._log_probabilities)


def import_standard(
    emitter: Emitter, node: Node, declared: Sequence[AnyTensor | None] = (), importer: GraphImporter | None = None
) -> list[Value]:
    """The wanted outputs of a node of the standard, or of one of the known non-standard operators.

    Raises DeeployError for an operator that is neither."""
    private = importer is not None and importer.private_operators
    standard = node.op_type in onnx_dialect.OPERATORS
    if standard and node.domain == microsoft.DOMAIN and node.op_type not in microsoft.STANDARD_NAMES:
        raise DeeployError(f"operator {node.op_type} of domain '{node.domain}' is not known", node.name)
    if node.domain == "" or standard:
        outputs = modernise(emitter, node, private_operators=private)
        if outputs is not None:
            return outputs
    if node.op_type in BY_TYPE and node.op_type not in onnx_dialect.OPERATORS:
        return _done(BY_TYPE[node.op_type](emitter, node), node)
    if node.op_type not in onnx_dialect.OPERATORS:
        domain = f" of domain '{node.domain}'" if node.domain else ""
        raise DeeployError(f"operator {node.op_type}{domain} is not known", node.name)
    if node.op_type == "SoftmaxCrossEntropyLoss" and importer is not None:
        if importer.is_log_probability(node, declared[0] if declared else None):
            return emitter.onnx("LogSoftmax", [node.required(0)], {"axis": 1}, node.name)
    if node.op_type in onnx_dialect.RANDOM:
        raise DeeployError(f"{node.op_type} gives random numbers, which a compiled network does not", node.name)
    outputs = apply_rules(emitter, node)
    if outputs is not None:
        return outputs
    zero = node.input(2) if node.op_type == "QuantizeLinear" else None
    if zero is not None and zero.bits is not None:
        return quantize_to_four_bits(emitter, node)
    fill_in(emitter, node, declared)
    drop_unknown_attributes(node)
    if node.op_type == "Gemm" and (len(node.required(0).shape) != 2 or len(node.required(1).shape) != 2):
        return batched_gemm(emitter, node)
    return emitter.onnx(node.op_type, node.inputs, node.attrs, node.name, node.wanted, declared)


def batched_gemm(emitter: Emitter, node: Node) -> list[Value]:
    """A Gemm with a batch, which ONNX does not define: MatMul, then alpha, beta and the bias."""

    def swapped(value: Value, flag: str) -> Value:
        rank = len(value.shape)
        perm = [*range(rank - 2), rank - 1, rank - 2]
        transposed = node.integer(flag, 0) and rank > 1
        return emitter.onnx("Transpose", [value], {"perm": perm}, node.name)[0] if transposed else value

    def scaled(value: Value, name: str) -> Value:
        factor = node.number(name, 1.0)
        if factor == 1.0:
            return value
        scale = emitter.as_type(
            emitter.constant(np.asarray(factor), f"{node.name}_{name}"), value.element_type, node.name
        )
        return emitter.onnx("Mul", [value, scale], {}, node.name)[0]

    operands = [swapped(node.required(0), "transA"), swapped(node.required(1), "transB")]
    y = scaled(emitter.onnx("MatMul", operands, {}, node.name)[0], "alpha")
    c = node.input(2)
    return [y] if c is None else emitter.onnx("Add", [y, scaled(c, "beta")], {}, node.name)


def _done(values: list[Value] | None, node: Node) -> list[Value]:
    if values is None:
        raise DeeployError(f"operator {node.op_type} cannot be imported", node.name)
    return values


def _without_inputs(node: onnx.NodeProto, missing: Sequence[str]) -> onnx.NodeProto:
    """A copy of a function's node in which inputs that the caller left out are absent."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for index, key in enumerate(copy.input):
        if key in missing:
            copy.input[index] = ""
    return copy


def _tell_other_shapes(graph: onnx.GraphProto, env: Mapping[str, Value]) -> None:
    """A remark on the tensors that turn out to have another shape than the file declares; outputs come first."""
    told: dict[str, str] = {}
    for value in [*graph.output, *graph.value_info]:
        found, proto = env.get(value.name), value.type.tensor_type
        if found is None or not proto.HasField("shape"):
            continue
        # Neither 0 nor -1 says anything: exporters write them for unknown sizes.
        dims = [dim.dim_value if dim.dim_value > 0 else None for dim in proto.shape.dim]
        if len(dims) != len(found.shape) or any(d not in (None, n) for d, n in zip(dims, found.shape, strict=True)):
            shape = ", ".join("?" if d is None else str(d) for d in dims)
            told[value.name] = f"'{value.name}' is declared as [{shape}], but has shape {list(found.shape)}"
    if told:
        more = len(told) - MOST_TOLD
        remark(
            graph.name or "graph",
            "; ".join(list(told.values())[:MOST_TOLD]) + (f"; and {more} tensors more" if more > 0 else ""),
        )


def declared_types(graph: onnx.GraphProto) -> dict[str, AnyTensor]:
    """Declared static types of the tensors that a graph's nodes give, as far as they are."""
    found: dict[str, AnyTensor] = {}
    given = {name for node in graph.node for name in node.output}
    for value in (value for value in [*graph.value_info, *graph.output] if value.name in given):
        proto = value.type.tensor_type
        if value.type.WhichOneof("value") != "tensor_type" or not proto.HasField("shape"):
            continue
        if all(dim.HasField("dim_value") for dim in proto.shape.dim):
            try:
                element = element_of_onnx(proto.elem_type, value.name)
                dims = [dim.dim_value for dim in proto.shape.dim]
                found[value.name] = checked_tensor(element, dims, value.name)
            except DeeployError:
                continue
    return found
