"""`kernel.scatter`: a copy of a tensor with elements changed at indices that are data."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, IntegerType, i32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, prop_def
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value, shape_of
from deeploy_mlir.space.iteration_space import Axis, Dim, DimKind

DATA, POSITIONS, INDICES, UPDATES = range(4)
"""Operands of a scatter."""


@irdl_op_definition
class ScatterOp(KernelOp):
    """out = data; then, update by update, out[indices[.., u, ..]] = body(out[indices[.., u, ..]], updates[.., u, ..]).

    ins are the data, the numbers 0, 1, 2 ... along `axis` (i32: they tell a tile where it begins), the indices (i32,
    with one element on the axes that they do not depend on; those that name no place are passed over) and the updates,
    which differ from the data in the size of `axis` only. The body combines the old element with an update; there is
    no epilogue."""

    name = "kernel.scatter"
    axis = prop_def(IntegerAttr[IntegerType])

    @property
    def along(self) -> int:
        """The axis that the indices are about."""
        return self.axis.value.data

    def dims(self) -> tuple[Dim, ...]:
        elements = tuple(Dim(f"d{i}", DimKind.PARALLEL, s) for i, s in enumerate(shape_of(self.out)))
        return (*elements, Dim("u", DimKind.REDUCTION, shape_of(self.ins[UPDATES])[self.along]))

    @property
    def num_dims(self) -> int:
        return len(shape_of(self.out)) + 1

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        shape, rank = shape_of(self.ins[index]), len(shape_of(self.out))
        if index == DATA:
            return self.output_axes()
        if index == POSITIONS:
            return (self.axis_of([(self.along, 1)], shape[0]),)
        walked = [rank if i == self.along else i for i in range(rank)]
        fixed = [index == INDICES and s == 1 and i != self.along for i, s in enumerate(shape)]
        return tuple(self.axis_of([] if fixed[i] else [(walked[i], 1)], s) for i, s in enumerate(shape))

    def output_axes(self) -> tuple[Axis, ...]:
        return tuple(self.axis_of([(i, 1)], s) for i, s in enumerate(shape_of(self.out)))

    def accumulator(self) -> Attribute:
        return element_type_of_value(self.ins[DATA])

    def body_argument_types(self) -> list[Attribute]:
        return [element_type_of_value(self.ins[DATA]), element_type_of_value(self.ins[UPDATES])]

    def verify_structure(self) -> None:
        if len(self.ins) != 4 or self.extras or self.body is None:
            raise VerifyException("kernel.scatter: needs data, positions, indices, updates and a body, no extras")
        rank = len(shape_of(self.out))
        if not 0 <= self.along < rank or any(len(shape_of(self.ins[i])) != rank for i in (DATA, INDICES, UPDATES)):
            raise VerifyException(f"kernel.scatter: axis {self.along} of operands of the output's rank {rank}")
        if len(shape_of(self.ins[POSITIONS])) != 1:
            raise VerifyException(f"kernel.scatter: the positions have one axis, not {self.ins[POSITIONS].type}")
        if any(element_type_of_value(self.ins[i]) != i32 for i in (POSITIONS, INDICES)):
            raise VerifyException("kernel.scatter: positions and indices are i32")
        for i, (s, n, u) in enumerate(
            zip(shape_of(self.ins[DATA]), shape_of(self.ins[INDICES]), shape_of(self.ins[UPDATES]), strict=True)
        ):
            if min(s, n, u) >= 0 and (n not in (1, u) or (i != self.along and u != s)):
                raise VerifyException(f"kernel.scatter: axis {i} has {s} elements, {n} indices and {u} updates")
