"""A random model under construction, of several independent parts, so that one build serves many cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir.support.numpy_types import Array

OPSET = 23
MICROSOFT = "com.microsoft"
INTEGERS: tuple[Any, ...] = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
BYTES: tuple[Any, ...] = (np.int8, np.uint8)

Draw = Callable[[int, int], int]
"""Chooses a number from the first to the second, both possible."""
Case = Callable[["Builder"], "str | tuple[str, ...]"]
"""Adds a random graph to a model and returns the names of its outputs."""


@dataclass(repr=False)
class Builder:
    """A model under construction: nodes, weights, inputs with their values.

    `draw` makes all choices, `rng` the contents of arrays."""

    draw: Draw
    rng: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    weights: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    values: dict[str, Array] = field(default_factory=dict[str, Array])
    outputs: list[str] = field(default_factory=list[str])
    count: int = 0

    def __repr__(self) -> str:
        return f"a model of {', '.join(node.name for node in self.nodes)}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What hypothesis prints of a failing example."""
        printer.text(repr(self))

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def number(self, low: int, high: int) -> int:
        """From `low` to `high`, both possible."""
        return self.draw(low, high)

    def flag(self) -> bool:
        return bool(self.number(0, 1))

    def pick(self, values: Sequence[Any]) -> Any:
        return values[self.number(0, len(values) - 1)]

    def permutation(self, length: int) -> list[int]:
        left = list(range(length))
        return [left.pop(self.number(0, len(left) - 1)) for _ in range(length)]

    def subset(self, length: int, least: int = 0) -> list[int]:
        """At least `least` of the numbers below `length`, in any order."""
        return self.permutation(length)[: self.number(least, length)]

    def shape(self, rank: int, most: int = 6) -> tuple[int, ...]:
        """Sizes up to `most`; one of them, now and then, much larger."""
        sizes = [self.number(1, most) for _ in range(rank)]
        if rank and self.number(0, 7) == 7:
            sizes[self.number(0, rank - 1)] = self.number(most, 12 * most)
        return tuple(sizes)

    def broadcast(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts to `shape`: some axes of size 1, leading ones left out."""
        return tuple(self.pick([n, 1]) for n in shape)[self.number(0, len(shape)) :]

    def real(self, shape: Sequence[int], least: float = -4, most: float = 4) -> Array:
        """Floats of few bits, so that sums are exact in any order."""
        return (self.rng.integers(int(least * 16), int(most * 16) + 1, tuple(shape)) / 16).astype(np.float32)

    def whole(self, shape: Sequence[int], dtype: Any, most: int | None = None) -> Array:
        """Integers of a type: all of its range, or no further than `most` from zero."""
        info = np.iinfo(dtype)
        low, high = (info.min, info.max) if most is None else (max(info.min, -most), min(info.max, most))
        generator: Any = self.rng
        return np.asarray(generator.integers(low, high, tuple(shape), dtype=dtype, endpoint=True))

    def array(self, shape: Sequence[int], dtype: Any, most: int | None = None) -> Array:
        """Values of any type."""
        if dtype == np.bool_:
            return np.asarray(self.rng.integers(0, 2, tuple(shape)), np.bool_)
        if np.dtype(dtype).kind in "iu":
            return self.whole(shape, dtype, most)
        return self.real(shape).astype(dtype)

    def input(self, array: Array) -> str:
        name = self.name("x")
        self.values[name] = array
        return name

    def constant(self, array: Any) -> str:
        name = self.name("w")
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def numbers(self, values: Sequence[int]) -> str:
        """A constant of i64."""
        return self.constant(np.array(values, np.int64))

    def either(self, array: Any) -> str:
        """An input or a constant."""
        return self.input(np.asarray(array)) if self.flag() else self.constant(array)

    def ops(self, op_type: str, *inputs: str, results: int, domain: str = "", **attributes: Any) -> tuple[str, ...]:
        """A node with several outputs."""
        names = tuple(self.name("y") for _ in range(results))
        node = helper.make_node(
            op_type, list(inputs), list(names), f"{op_type}_{names[0]}", domain=domain, **attributes
        )
        self.nodes.append(node)
        return names

    def op(self, op_type: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.ops(op_type, *inputs, results=1, domain=domain, **attributes)[0]

    def add(self, case: Case) -> None:
        """One more case; its results are outputs of the model."""
        names = case(self)
        self.outputs += [names] if isinstance(names, str) else names

    def model(self) -> onnx.ModelProto:
        """The model; its outputs have the types that shape inference finds."""
        inputs = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in self.values.items()
        ]
        outputs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in self.outputs]
        graph = helper.make_graph(self.nodes, "fuzz", inputs, outputs, self.weights)
        for value in graph.output:
            value.ClearField("type")
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
