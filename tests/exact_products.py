"""ONNX's reference evaluator with exact products.

A sum of products in float32 depends on the order of its terms, and a quotient by the next scale that ends on the edge
between two results then goes either way: `stories260K_prefill32_int8kv` has one (6.50000045 steps, 6.5 in float32), and
in a language model all logits behind it move. Products here are summed up in float64 and rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from deeploy_mlir.support.numpy_types import Array


class MatMul(OpRun):
    """The product in float64, rounded to the operands' type."""

    def _run(self, a: Array, b: Array) -> tuple[Array]:
        return ((a.astype(np.float64) @ b.astype(np.float64)).astype(a.dtype),)


class ExactProducts:
    """A network, evaluated."""

    def __init__(self, path: Path) -> None:
        model = onnx.load_model_from_string(path.read_bytes())  # pyright: ignore[reportUnknownMemberType]
        self.names = [value.name for value in model.graph.output]
        self.shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
        self.evaluator: Any = ReferenceEvaluator(model, new_ops=[MatMul])

    def outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        shaped = {name: np.asarray(inputs[name]).reshape(shape) for name, shape in self.shapes.items()}
        return dict(zip(self.names, self.evaluator.run(None, shaped), strict=True))
