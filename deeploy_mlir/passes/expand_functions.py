"""`deeploy-expand-functions`: operators that ONNX defines by other operators, where there is no kernel for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import onnx
from xdsl.context import Context
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.kernel import element_type_of_value
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.frontend.control_flow import CONTROL_FLOW
from deeploy_mlir.frontend.graph import GraphImporter
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.evaluate_onnx import node_proto
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.types import type_proto
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.remarks import remark

_MAX_ROUNDS = 16


def function_body(op: OnnxOp) -> tuple[onnx.FunctionProto, int] | None:
    """The operator's definition by other operators in the newest version there is, and the operator set it is written
    in; None if the standard has none for these operands."""
    schema: Any = op.schema
    if schema.has_context_dependent_function:
        versions: Sequence[int] = schema.context_dependent_function_opset_versions
        types = [
            onnx.TypeProto().SerializeToString()
            if value is None
            else type_proto(tensor_type(value)).SerializeToString()
            for value in op.inputs
        ]
        version = max(versions)
        text = schema.get_context_dependent_function_with_opset_version(
            version, node_proto(op).SerializeToString(), types
        )
    elif schema.has_function:
        version = max(cast("Sequence[int]", schema.function_opset_versions))
        text = schema.get_function_with_opset_version(version)
    else:
        return None
    if not text:
        return None
    body = onnx.FunctionProto.FromString(text)
    if op.op_type == "DynamicQuantizeLinear":
        _keep_scale_from_zero(body)
    declared = [entry.version for entry in body.opset_import if entry.domain == ""]
    return body, max(declared, default=version)


def _keep_scale_from_zero(body: onnx.FunctionProto) -> None:
    """Makes 1 of the scale of a tensor of zeros, as onnxruntime does: the definition leaves 0, by which it divides."""
    number = next(i for i, node in enumerate(body.node) if node.output[0] == "Scale")
    body.node[number].output[0] = "Range_Scale"
    kept = [
        onnx.helper.make_node("Constant", [], ["Scale_One"], value_float=1.0),
        onnx.helper.make_node("Equal", ["X_Range", "Q_Min"], ["Range_Empty"]),
        onnx.helper.make_node("Where", ["Range_Empty", "Scale_One", "Range_Scale"], ["Scale"]),
    ]
    nodes = [*body.node[: number + 1], *kept, *body.node[number + 1 :]]
    del body.node[:]
    body.node.extend(nodes)


def _attributes(op: OnnxOp) -> dict[str, onnx.AttributeProto]:
    """The operation's attributes, the schema's defaults where they are not set."""
    found = {
        name: attribute.default_value
        for name, attribute in op.schema.attributes.items()
        if attribute.default_value.type != onnx.AttributeProto.UNDEFINED
    }
    return found | {attribute.name: attribute for attribute in node_proto(op).attribute}


def lowered_operators() -> frozenset[str]:
    """ONNX operators that a kernel implements."""
    from deeploy_mlir.lowering.onnx_to_kernel import RULES  # the conversions are many; other passes do not need them

    return frozenset(name.removeprefix("onnx.") for name in RULES if name.startswith("onnx."))


def _is_half(element: Attribute) -> bool:
    """Whether an element type is a float of 16 bits."""
    return isinstance(element, Float16Type | BFloat16Type)


def _widen(rewriter: GraphRewriter, op: OnnxOp, inputs: Sequence[Value | None]) -> bool:
    """Computes the operator in f32 and rounds its results once, not after each step of its definition."""
    emitter, node = rewriter.before(op), op.node_name
    wide = [
        emitter.as_type(value, Float32Type(), node) if value is not None and _is_half(value.element_type) else value
        for value in inputs
    ]
    wanted = [value is not None for value in op.outputs]
    results = emitter.onnx(op.op_type, wide, op.python_attrs(), node, wanted)
    values = [
        emitter.as_type(value, element_type_of_value(old), node) for value, old in zip(results, op.results, strict=True)
    ]
    rewriter.replace(op, values)
    return True


@dataclass(frozen=True)
class ExpandFunctionsPass(ModulePass):
    """Replaces each ONNX operator that no kernel implements by the function body that the standard gives for it.

    `keep`: the operators that stay (default: those that `convert-onnx-to-kernel` knows). What has no body stays too.
    By default definitions on 16-bit floats are computed in f32."""

    name = "deeploy-expand-functions"

    keep: tuple[str, ...] | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        keep = lowered_operators() if self.keep is None else frozenset(self.keep)
        kept: set[OnnxOp] = set()
        for _ in range(_MAX_ROUNDS):
            changed = False
            for rewriter in GraphRewriter.of_module(op):
                for graph_op in rewriter.graph_ops():
                    if not isinstance(graph_op, OnnxOp) or graph_op.op_type in keep or graph_op in kept:
                        continue
                    kept.add(graph_op)
                    changed |= self._expand(rewriter, graph_op)
            erase_dead(op)
            if not changed:
                return

    def _expand(self, rewriter: GraphRewriter, op: OnnxOp) -> bool:
        found = function_body(op)
        if found is None:
            return False
        body, opset = found
        inputs = [None if value is None else rewriter.value(value) for value in op.inputs]
        if all(value is None or value.is_constant for value in inputs):
            return False  # `deeploy-fold-constants` gives its value
        if self.keep is None and any(value is not None and _is_half(value.element_type) for value in inputs):
            return _widen(rewriter, op, inputs)
        names = tuple("" if value is None else f"o{index}" for index, value in enumerate(op.outputs))
        node = Node(op.op_type, "", op.node_name, inputs, {}, names, opset)
        model = onnx.helper.make_model(onnx.GraphProto(), opset_imports=[onnx.helper.make_opsetid("", opset)])
        importer = GraphImporter(rewriter.before(op), model, "", CONTROL_FLOW)
        try:
            values = importer.function_body(body, node, _attributes(op), opset)
        except DeeployError as error:
            if self.keep is None:  # there is no kernel either: this is what is missing
                raise DeeployError(
                    f"{op.op_type} has no kernel, and its definition by other operators cannot be used: "
                    f"{str(error).removeprefix(f'{op.node_name}: ')}",
                    op.node_name,
                ) from None
            remark(op, f"the standard's definition of {op.op_type} cannot be used: {error}")
            return False
        if [value.type for value in values] != [result.type for result in op.results]:
            remark(op, f"the standard's definition of {op.op_type} gives other types than are inferred")
            return False
        rewriter.replace(op, values)
        return True
