"""`kernel.map`: elementwise computation and data movement, by maps from the output's indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, DenseArrayBase, FloatAttr, IntegerAttr, IntegerType
from xdsl.ir import Attribute, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value, linear_axis, shape_of
from deeploy_mlir.space.iteration_space import Axis, Dim, DimKind

I64Array = DenseArrayBase[IntegerType]
P = DimKind.PARALLEL


@irdl_op_definition
class MapOp(KernelOp):
    """Elementwise: the body computes each output element from one element of each of `ins`, found by `maps` from the
    indices of the output (so broadcast, transpose, slice and pad are maps too). It has no accumulator or extras.

    With `indirect`, the index along an axis of an operand is what another, integer operand holds, from 0 to the axis's
    size less 1 (a gather): `maps` give 0 for that axis.

    With `out_offsets` it writes only the part of `outs` of `sizes` elements that starts there (a piece of a
    concatenation) and leaves the rest as it is; `maps` are then over the indices of the part."""

    name = "kernel.map"
    maps = prop_def(ArrayAttr[AffineMapAttr])
    padded = opt_prop_def(I64Array)
    """(operand, axis) pairs of the axes whose indices may leave the operand."""
    padding = opt_prop_def(IntegerAttr[IntegerType] | FloatAttr)
    """What is read outside; 0 where absent."""
    indirect = opt_prop_def(I64Array)
    """Triples (operand, axis, operand that holds the index). The holder's element is an argument of the body too."""
    out_offsets = opt_prop_def(I64Array)
    """First index of the part of `outs` that is written; absent: all of it is."""
    sizes = opt_prop_def(I64Array)
    """Shape of that part, present with `out_offsets`. A local operator writes all of its tile instead."""

    @property
    def indirect_axes(self) -> tuple[tuple[int, int, int], ...]:
        """The triples of `indirect`."""
        flat = [int(v) for v in self.indirect.get_values()] if self.indirect is not None else []
        return tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True))

    def dims(self) -> tuple[Dim, ...]:
        partial = self.sizes is not None and not self.local
        sizes = self.sizes.get_values() if partial and self.sizes is not None else shape_of(self.out)
        return tuple(Dim(f"d{i}", P, s) for i, s in enumerate(sizes))

    @property
    def num_dims(self) -> int:
        return len(shape_of(self.out))

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        padded = self.padded.get_values() if self.padded is not None else ()
        pairs = set(zip(padded[::2], padded[1::2], strict=True))
        whole = {(operand, axis) for operand, axis, _ in self.indirect_axes}
        axes: list[Axis] = []
        results = self.maps.data[index].data.results
        for a, (expr, extent) in enumerate(zip(results, shape_of(self.ins[index]), strict=True)):
            coefficients, offset = linear_axis(expr, len(shape_of(self.out)))
            start = 0 if self.local else offset
            axes.append(Axis(coefficients, start, extent, (index, a) in pairs, (index, a) in whole))
        return tuple(axes)

    def output_axes(self) -> tuple[Axis, ...]:
        offsets = self.out_offsets.get_values() if self.out_offsets is not None else [0] * len(shape_of(self.out))
        axes = [self.axis_of([(i, 1)], s) for i, s in enumerate(shape_of(self.out))]
        return tuple(a if self.local else replace(a, offset=o) for a, o in zip(axes, offsets, strict=True))

    def pad_value(self) -> int | float:
        return 0 if self.padding is None else self.padding.value.data

    def body_argument_types(self) -> list[Attribute]:
        return [element_type_of_value(v) for v in self.ins]

    def verify_structure(self) -> None:
        if self.extras:
            raise VerifyException("kernel.map: takes no extras")
        if self.body is None:
            raise VerifyException("kernel.map: needs a body")
        if len(self.maps.data) != len(self.ins):
            raise VerifyException(f"kernel.map: {len(self.ins)} operands but {len(self.maps.data)} maps")
        self._verify_indirect()
        if (self.sizes is None) != (self.out_offsets is None):
            raise VerifyException("kernel.map: out_offsets and sizes go together")
        rank = len(shape_of(self.out))
        for name, part in (("out_offsets", self.out_offsets), ("sizes", self.sizes)):
            if part is not None and len(part.get_values()) != rank:
                raise VerifyException(f"kernel.map: {name} {list(part.get_values())} do not fit {self.out.type}")
        for value, attr in zip(self.ins, self.maps.data, strict=True):
            if attr.data.num_dims != len(shape_of(self.out)) or len(attr.data.results) != len(shape_of(value)):
                raise VerifyException(f"kernel.map: map {attr.data} does not fit {value.type} and {self.out.type}")

    def _verify_indirect(self) -> None:
        for operand, axis, holder in self.indirect_axes:
            if not (0 <= operand < len(self.ins) and 0 <= holder < len(self.ins) and operand != holder):
                raise VerifyException(f"kernel.map: indirect operand {operand} by operand {holder} of {len(self.ins)}")
            if not isinstance(element_type_of_value(self.ins[holder]), IntegerType):
                raise VerifyException(f"kernel.map: indices must be integers, not {self.ins[holder].type}")
            results = self.maps.data[operand].data.results
            rank = len(shape_of(self.out))
            if not 0 <= axis < len(results) or linear_axis(results[axis], rank) != ((0,) * rank, 0):
                raise VerifyException(f"kernel.map: the map of indirect operand {operand} must give 0 for axis {axis}")


def map_op(ins: Sequence[SSAValue], maps: Sequence[AffineMap], out: SSAValue, body: Region, *, layer: str) -> MapOp:
    """A `kernel.map` without padding."""
    return MapOp(ins, out, layer=layer, body=body, properties={"maps": ArrayAttr([AffineMapAttr(m) for m in maps])})
