"""What the rules of this lowering build with: kernel operators in destination style, put before a graph operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, FloatAttr, IntegerAttr, TensorType, f32, f64, i64
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import KernelOp, MapOp, ReshapeOp, element_type_of_value, ints, shape_of
from deeploy_mlir.ir.affine_maps import broadcast, linear_map, select
from deeploy_mlir.ir.constants import add_constant, constant_of, load_constant, module_of
from deeploy_mlir.ir.kernel_rewriting import rebuilt
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

MAX_CONSTANT_ELEMENTS = 1 << 22
"""Most elements of a constant that a lowering makes."""

BodyFunction = Callable[[ScalarBody, Sequence[SSAValue]], SSAValue]
"""Builds a body's value from its arguments, given in their arithmetic types."""


class LayerBuilder:
    """Builds the kernels of one graph operation, right before it."""

    def __init__(self, op: GraphOp) -> None:
        self.op = op
        self.layer = op.node_name
        self.module = module_of(op)
        self.point = InsertPoint.before(op)

    def error(self, message: str) -> DeeployError:
        """An error about this node."""
        return DeeployError(f"{self.op.name} {message}", self.layer)

    def insert(self, op: Operation) -> Operation:
        """Places an operation before the one being lowered."""
        Rewriter.insert_op(op, self.point)
        return op

    def place(self, op: Operation) -> SSAValue:
        """Places an operation and gives its result."""
        return self.insert(op).results[0]

    def kernel(self, op: KernelOp) -> SSAValue:
        """Places a kernel and gives the tensor that it computes."""
        self.insert(op)
        assert op.result is not None
        return op.result

    def with_epilogue(
        self,
        plain: KernelOp,
        function: BodyFunction | None = None,
        extras: Sequence[SSAValue] = (),
        extra_maps: Sequence[AffineMap] = (),
    ) -> SSAValue:
        """Places `plain`, an operator without a body yet, with the epilogue that `function` gives from its accumulator
        and the extras (all in their arithmetic types), converted to the output's type. None: only that conversion."""
        element = element_type_of_value(plain.out)
        if function is None and plain.accumulator() == element:
            return self.kernel(plain)
        body = ScalarBody([plain.accumulator(), *(element_type_of_value(e) for e in extras)])
        arguments = [body.widen(a) for a in body.arguments]
        value = arguments[0] if function is None else function(body, arguments)
        region = body.finish(value, element)
        op = rebuilt(plain, list(plain.ins), plain.out, extras=extras, extra_maps=extra_maps, body=region)
        plain.erase()
        return self.kernel(op)

    # -- graph operation ---------------------------------------------------------------------------------------------

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Shape of the first result."""
        return shape_of(self.op.results[0])

    @property
    def result_element(self) -> Attribute:
        """Element type of the first result."""
        return element_type_of_value(self.op.results[0])

    def constant_operand(self, name: str) -> Array | None:
        """The elements of an optional operand that must be a constant; None where it is absent.

        Raises DeeployError if it is computed at run time."""
        value = self.op.input(name)
        if value is None:
            return None
        array = constant_of(value)
        if array is None:
            raise self.error(f"needs a constant '{name}', but it is computed at run time")
        return array

    def required_constant(self, name: str) -> Array:
        """As `constant_operand`, of an operand that must be there."""
        array = self.constant_operand(name)
        if array is None:
            raise self.error(f"needs the operand '{name}'")
        return array

    def integers(self, name: str) -> list[int] | None:
        """A constant integer operand as a list; None where it is absent."""
        array = self.constant_operand(name)
        return None if array is None else [int(v) for v in array.reshape(-1)]

    def axis(self, axis: int, rank: int) -> int:
        """A non-negative axis. Raises DeeployError if it is out of range."""
        if not -rank <= axis < rank:
            raise self.error(f"has axis {axis} on a tensor of rank {rank}")
        return axis % rank

    # -- values --------------------------------------------------------------------------------------------------------

    def empty(self, shape: Sequence[int], element: Attribute) -> SSAValue:
        """A new tensor to write into."""
        return self.place(EmptyOp([], TensorType(cast(Any, element), list(shape))))

    def constant(self, array: Array, hint: str, element: Attribute | None = None) -> SSAValue:
        """A constant tensor, as a global of the module."""
        return self.place(load_constant(add_constant(self.module, array, hint, element)))

    def check_constant(self, shape: Sequence[int]) -> None:
        """Raises DeeployError for a shape that is too large for a constant that a lowering makes."""
        if prod(shape) > MAX_CONSTANT_ELEMENTS:
            raise self.error(f"needs a constant of shape {list(shape)}; {MAX_CONSTANT_ELEMENTS} elements are the most")

    def reshape(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        """The value under another shape; the value itself if it has that shape. Raises DeeployError if that has
        another number of elements."""
        if prod(shape_of(value)) != prod(shape):
            raise self.error(f"needs a tensor of {prod(shape)} elements, but has one of shape {list(shape_of(value))}")
        return value if shape_of(value) == tuple(shape) else self.place(ReshapeOp(value, shape))

    def map(
        self,
        ins: Sequence[SSAValue],
        maps: Sequence[AffineMap],
        shape: Sequence[int],
        element: Attribute,
        function: BodyFunction,
        *,
        padded: Sequence[tuple[int, int]] = (),
        padding: int | float | None = None,
        indirect: Sequence[tuple[int, int, int]] = (),
    ) -> SSAValue:
        """A `kernel.map` whose body is `function` over the operands' elements in their arithmetic types.

        `padded` lists (operand, axis) pairs whose indices may leave the operand, where `padding` is read; `indirect`
        triples (operand, axis, operand that holds the index)."""
        body = ScalarBody([element_type_of_value(v) for v in ins])
        value = function(body, [body.widen(a) for a in body.arguments])
        return self.kernel(
            MapOp(
                ins,
                self.empty(shape, element),
                layer=self.layer,
                body=body.finish(value, element),
                properties={
                    "maps": ArrayAttr([AffineMapAttr(m) for m in maps]),
                    "padded": ints([i for pair in padded for i in pair]) if padded else None,
                    "padding": self.scalar(padding, element_type_of_value(ins[0])) if padding is not None else None,
                    "indirect": ints([i for triple in indirect for i in triple]) if indirect else None,
                },
            )
        )

    def elementwise(
        self, ins: Sequence[SSAValue], shape: Sequence[int], element: Attribute, function: BodyFunction
    ) -> SSAValue:
        """A map over operands that numpy broadcasts to `shape`."""
        return self.map(ins, [broadcast(shape_of(v), shape) for v in ins], shape, element, function)

    def copy(
        self,
        value: SSAValue,
        map_: AffineMap,
        shape: Sequence[int],
        *,
        padded: Sequence[int] = (),
        padding: int | float | None = None,
    ) -> SSAValue:
        """A tensor of `shape` that holds the elements of `value` found by `map_`."""
        element = element_type_of_value(value)
        body = ScalarBody([element])
        return self.kernel(
            MapOp(
                [value],
                self.empty(shape, element),
                layer=self.layer,
                body=body.finish(body.arguments[0], element),
                properties={
                    "maps": ArrayAttr([AffineMapAttr(map_)]),
                    "padded": ints([i for axis in padded for i in (0, axis)]) if padded else None,
                    "padding": self.scalar(padding, element) if padding else None,
                },
            )
        )

    def transpose(self, value: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """The tensor whose axis i is axis permutation[i] of `value`; an identity is left out."""
        if list(permutation) == list(range(len(permutation))):
            return value
        shape = shape_of(value)
        dims: list[int | None] = [list(permutation).index(a) for a in range(len(shape))]
        return self.copy(value, select(len(shape), dims), [shape[p] for p in permutation])

    def slice(self, value: SSAValue, starts: Sequence[int], steps: Sequence[int], shape: Sequence[int]) -> SSAValue:
        """The part of `value` of this shape that begins at `starts`, every steps-th element (steps >= 1)."""
        rank = len(shape)
        if tuple(shape) == shape_of(value):
            return value
        axes = [([steps[i] if j == i else 0 for j in range(rank)], starts[i]) for i in range(rank)]
        return self.copy(value, linear_map(rank, axes), shape)

    def pad(self, value: SSAValue, low: Sequence[int], high: Sequence[int], padding: int | float) -> SSAValue:
        """`value` with `padding` around it; negative amounts cut."""
        old = shape_of(value)
        shape = [lo + s + hi for lo, s, hi in zip(low, old, high, strict=True)]
        rank = len(shape)
        if tuple(shape) == old and not any(low):
            return value
        axes = [([int(j == i) for j in range(rank)], -low[i]) for i in range(rank)]
        padded = [i for i in range(rank) if low[i] > 0 or high[i] > 0]
        return self.copy(value, linear_map(rank, axes), shape, padded=padded, padding=padding)

    def cast(self, value: SSAValue, element: Attribute) -> SSAValue:
        """The tensor converted to another element type by `kernel.cast`."""
        if element_type_of_value(value) == element:
            return value
        shape = shape_of(value)
        return self.elementwise([value], shape, element, lambda _, a: a[0])

    def filled(self, shape: Sequence[int], value: int | float, element: Attribute) -> SSAValue:
        """A constant tensor of one value."""
        self.check_constant(shape)
        return self.constant(np.full(tuple(shape), value), f"{self.layer}_value", element)

    @staticmethod
    def scalar(value: int | float, element: Attribute) -> Attribute:
        """A padding value for tensors of an element type: an i64 or a float attribute."""
        if is_float(element):
            return FloatAttr(float(value), f64 if element == f64 else f32)
        return IntegerAttr(int(value), i64)


Rule = Callable[[GraphOp, LayerBuilder], Sequence[SSAValue | None]]
"""Builds the kernels of a graph operation and gives the values that replace its results (None: not computed)."""
