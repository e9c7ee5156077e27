"""Graphs of quantised operators in QDQ form, what the graph passes make of them, and the comparison of the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from xdsl.context import Context
from xdsl.dialects.builtin import AnyFloat, ModuleOp

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module
from deeploy_mlir.passes.fold_batch_norm import FoldBatchNormPass
from deeploy_mlir.passes.fold_constants import FoldConstantsPass
from deeploy_mlir.passes.qdq_to_integer import QdqToIntegerPass
from deeploy_mlir.passes.simplify_graph import SimplifyGraphPass
from deeploy_mlir.support.numpy_types import Array

MODES = ("exact", "fixed-point")
"""Ways to requantise."""


class Graph:
    """Builds a graph of quantised operators."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.constants: dict[str, Array] = {}
        self.count = 0

    def name(self) -> str:
        """A new name."""
        self.count += 1
        return f"t{self.count}"

    def constant(self, array: Any) -> str:
        """A constant's name."""
        name = self.name()
        self.constants[name] = np.asarray(array)
        return name

    def op(self, op_type: str, *inputs: str, **attrs: Any) -> str:
        """An operator's output."""
        name = self.name()
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name=f"{op_type}_{name}", **attrs))
        return name

    def scale(self, *shape: int) -> Array:
        """Scales of quite different sizes."""
        return np.exp(self.rng.uniform(-5, -1, size=shape)).astype(np.float32)

    def point(self, dtype: Any) -> Array:
        """A zero point."""
        info = np.iinfo(dtype)
        return np.asarray(self.rng.integers(info.min, info.max + 1), dtype)

    def input(self, shape: Sequence[int], dtype: Any) -> str:
        """A quantised input's real value."""
        name = self.name()
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return self.op("DequantizeLinear", name, self.constant(self.scale()), self.constant(self.point(dtype)))

    def weight(self, shape: Sequence[int], axis: int | None) -> tuple[str, Array]:
        """A quantised weight's real value, and its scale."""
        scale = self.scale(*([] if axis is None else [shape[axis]]))
        integers = self.rng.integers(-127, 128, size=shape).astype(np.int8)
        attrs = {} if axis is None else {"axis": axis}
        return self.op("DequantizeLinear", self.constant(integers), self.constant(scale), **attrs), scale

    def bias(self, x: str, scale: Array, channels: int) -> str:
        """An i32 bias in units of the accumulator, as exporters write it."""
        x_scale = self.constants[next(n for n in self.nodes if n.output[0] == x).input[1]]
        units = (x_scale * scale).astype(np.float32)
        integers = self.rng.integers(-3000, 3000, size=channels).astype(np.int32)
        attrs = {"axis": 0} if units.ndim else {}
        return self.op("DequantizeLinear", self.constant(integers), self.constant(units), **attrs)

    def quantize(self, real: str, samples: Array, dtype: Any) -> str:
        """QuantizeLinear with a scale that most of `samples` (real values) fit."""
        info = np.iinfo(dtype)
        spread = float(np.abs(samples).max(initial=1e-3)) / float(self.rng.uniform(60, 200))
        point = self.rng.integers(info.min // 2, info.max // 2) if self.rng.random() < 0.7 else 0
        scale, zero = self.constant(np.float32(spread)), self.constant(np.asarray(point, dtype))
        return self.op("QuantizeLinear", real, scale, zero)

    def model(self, output: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The model with this output."""
        graph = helper.make_graph(
            self.nodes,
            "qdq",
            self.inputs,
            [helper.make_tensor_value_info(output, kind, None)],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])

    def sample(self) -> list[Array]:
        """Values of the inputs."""
        arrays: list[Array] = []
        for value in self.inputs:
            dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            info = np.iinfo(dtype)
            arrays.append(self.rng.integers(info.min, info.max + 1, size=shape).astype(dtype))
        return arrays


def finish(graph: Graph, real: str, dtype: Any) -> tuple[onnx.ModelProto, list[Array]]:
    """Quantise what the graph computes so that it uses the range; the model and sample inputs."""
    arrays = graph.sample()
    values = run_module(import_model(graph.model(real)), arrays)[0]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return graph.model(graph.quantize(real, values, dtype), kind), arrays


def lowered(proto: onnx.ModelProto, mode: str) -> ModuleOp:
    """The module after the graph passes."""
    module = import_model(proto)
    for graph_pass in (
        FoldConstantsPass(),
        FoldBatchNormPass(),
        QdqToIntegerPass(mode == "fixed-point"),
        SimplifyGraphPass(),
    ):
        graph_pass.apply(Context(), module)
        module.verify()
    return module


def floats(module: ModuleOp) -> list[str]:
    """Names of the operations with a float result."""
    return [
        op.name
        for op in graph_function(module).body.block.ops
        if isinstance(op, GraphOp) and any(isinstance(tensor_type(r).element_type, AnyFloat) for r in op.results)
    ]


def check(proto: onnx.ModelProto, arrays: list[Array], mode: str) -> None:
    """No element is further than one step from the float text. Only integers are left; where these are to be exact,
    float operators may have stayed that no integers equal."""
    expected = run_module(import_model(proto), arrays)[0].astype(int)
    module = lowered(proto, mode)
    assert mode == "exact" or floats(module) == []
    got = run_module(module, arrays)[0].astype(int)
    assert np.abs(got - expected).max(initial=0) <= 1
    # ties of sums apart, they are equal
    assert np.mean(got == expected) >= (0.95 if got.size > 40 else 0.8)
