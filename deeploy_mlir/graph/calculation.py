"""Formulas on tensors, as operators of the standard: what nodes of other domains are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import Attribute

from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


class Calculation:
    """Appends the operators of one node's formula; all of them carry its name."""

    def __init__(self, emitter: Emitter, node: Node) -> None:
        self.emitter, self.node = emitter, node

    def error(self, text: str) -> DeeployError:
        """An error about this node; the text goes on after its operator's name."""
        return DeeployError(f"{self.node.op_type} {text}", self.node.name)

    def constant(self, array: Array | Sequence[int]) -> Value:
        """A constant (a list is int64)."""
        return self.emitter.constant(array, f"{self.node.name}_constant")

    def number(self, number: float, element: Attribute) -> Value:
        """A scalar of an element type."""
        return self.constant(np.asarray(number, numpy_dtype(element)))

    def apply(self, op_type: str, *operands: Value | float | None, **attributes: Any) -> Value:
        """The first result of an operator; a number becomes a constant of the type of the first tensor."""
        like = next(v for v in operands if isinstance(v, Value))
        inputs = [self.number(v, like.element_type) if isinstance(v, int | float) else v for v in operands]
        return self.emitter.onnx(op_type, inputs, attributes, self.node.name)[0]

    def plus(self, a: Value | float, b: Value | float) -> Value:
        """a + b."""
        return self.apply("Add", a, b)

    def minus(self, a: Value | float, b: Value | float) -> Value:
        """a - b."""
        return self.apply("Sub", a, b)

    def times(self, a: Value | float, b: Value | float) -> Value:
        """a * b; a itself if b is 1."""
        return a if b == 1.0 and isinstance(a, Value) else self.apply("Mul", a, b)

    def over(self, a: Value | float, b: Value | float) -> Value:
        """a / b."""
        return self.apply("Div", a, b)

    def choose(self, condition: Value, a: Value | float, b: Value | float, element: Attribute) -> Value:
        """a where the condition holds, else b; numbers become constants of `element`."""
        operands = [v if isinstance(v, Value) else self.number(v, element) for v in (a, b)]
        return self.emitter.onnx("Where", [condition, *operands], {}, self.node.name)[0]

    def cast(self, x: Value, element: Attribute) -> Value:
        """x in another element type."""
        return self.emitter.as_type(x, element, self.node.name)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """x in another shape of as many elements."""
        return x if x.shape == tuple(shape) else self.apply("Reshape", x, self.constant(list(shape)))

    def transpose(self, x: Value, permutation: Sequence[int]) -> Value:
        """The tensor whose axis i is axis permutation[i] of x."""
        return self.apply("Transpose", x, perm=list(permutation))

    def part(self, x: Value, axis: int, start: int, stop: int) -> Value:
        """x from `start` up to `stop` along an axis."""
        if (start, stop) == (0, x.shape[axis]):
            return x
        return self.apply("Slice", x, *(self.constant([v]) for v in (start, stop, axis % len(x.shape))))

    def parts(self, x: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
        """x cut along an axis into pieces of these sizes."""
        ends = np.cumsum(sizes).tolist()
        return [self.part(x, axis, end - size, end) for size, end in zip(sizes, ends, strict=True)]

    def join(self, pieces: Sequence[Value], axis: int) -> Value:
        """The pieces one after another along an axis."""
        return pieces[0] if len(pieces) == 1 else self.apply("Concat", *pieces, axis=axis)

    def take(self, x: Value, indices: Value, axis: int = 0) -> Value:
        """numpy's take along an axis."""
        return self.apply("Gather", x, indices, axis=axis)

    def broadcast(self, x: Value, shape: Sequence[int]) -> Value:
        """x repeated to a shape."""
        return x if x.shape == tuple(shape) else self.apply("Expand", x, self.constant(list(shape)))

    def whole(self, x: Value) -> Value:
        """x as int64."""
        return self.cast(x, i64)
