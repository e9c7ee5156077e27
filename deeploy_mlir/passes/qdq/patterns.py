"""The integer form of the float operators between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.elementwise import two_slopes
from deeploy_mlir.passes.qdq.means import average_pool, mean, softmax
from deeploy_mlir.passes.qdq.pairs import multiplied, quantized_sum
from deeploy_mlir.passes.qdq.products import quantized_product
from deeploy_mlir.passes.qdq.target import Target
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, only_quantized, producer

Pattern = Callable[[Target, OnnxOp], Value]
"""Integers that equal the QuantizeLinear of the operation's result. Raises StaysFloat if it stays in float."""

PATTERNS: Mapping[str, Pattern] = {
    "Conv": quantized_product,
    "ConvTranspose": quantized_product,
    "MatMul": quantized_product,
    "Gemm": quantized_product,
    "Add": quantized_sum,
    "Sub": quantized_sum,
    "Mul": multiplied,
    "PRelu": two_slopes,
    "LeakyRelu": two_slopes,
    "GlobalAveragePool": mean,
    "ReduceMean": mean,
    "ReduceSum": mean,
    "AveragePool": average_pool,
    "Softmax": softmax,
}
"""By operator type."""


def clamps(rewriter: GraphRewriter, value: SSAValue) -> tuple[SSAValue, float, float] | None:
    """Skip back over Relu and Clip that nobody else uses: the value before them, and the bounds they set.

    None if a bound is not constant."""
    low, high = -np.inf, np.inf
    while (op := producer(value, "Relu", "Clip")) is not None and (value.has_one_use() or only_quantized(value)):
        bounds = [0.0, np.inf]
        if op.op_type == "Clip":
            for index, (name, none) in enumerate((("min", -np.inf), ("max", np.inf))):
                bound = op.input(name)
                array = np.asarray(none) if bound is None else rewriter.array(bound)
                if array is None:
                    return None
                bounds[index] = float(array.reshape(()))
        low, high = min(max(low, bounds[0]), high), max(min(high, bounds[1]), low)
        value = op.operands[0]
    return value, low, high
