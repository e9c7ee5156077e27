"""The compute operators of the `kernel` dialect. Each states its dimensions and accesses; the rest is derived."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    UnitAttr,
    i32,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import IRDLOperation, irdl_attr_definition, irdl_op_definition, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa
from xdsl.utils.str_enum import StrEnum

from deeploy_mlir.dialects.kernel.base import (
    KernelOp,
    accumulator_type,
    element_type_of_value,
    extremum_type,
    ints,
    shape_of,
)
from deeploy_mlir.dialects.kernel.map import MapOp, map_op
from deeploy_mlir.dialects.kernel.scatter import ScatterOp
from deeploy_mlir.space.iteration_space import Axis, Dim, DimKind

I64Array = DenseArrayBase[IntegerType]
P, R, W = DimKind.PARALLEL, DimKind.REDUCTION, DimKind.WINDOW


class Layout(StrEnum):
    """Where the channel axis of an image stands: after the batch, or last."""

    CHANNELS_FIRST = "channels_first"
    CHANNELS_LAST = "channels_last"


class Combiner(StrEnum):
    """How a pool or reduction combines elements. `AVERAGE` is for floats; integers sum and divide in the epilogue."""

    SUM = "sum"
    AVERAGE = "average"
    MAX = "max"
    MIN = "min"
    PRODUCT = "product"


class RowFunction(StrEnum):
    """A function of a whole row (see `RowOp`)."""

    SOFTMAX = "softmax"
    LOG_SOFTMAX = "log_softmax"
    LAYER_NORM = "layer_norm"
    RMS_NORM = "rms_norm"
    I_SOFTMAX = "i_softmax"
    ITA_MAX = "ita_max"
    ITA_PARTIAL_MAX = "ita_partial_max"
    I_LAYER_NORM = "i_layer_norm"
    I_RMS_NORM = "i_rms_norm"


@irdl_attr_definition
class LayoutAttr(EnumAttribute[Layout], SpacedOpaqueSyntaxAttribute):
    name = "kernel.layout"


@irdl_attr_definition
class CombinerAttr(EnumAttribute[Combiner], SpacedOpaqueSyntaxAttribute):
    name = "kernel.combiner"


@irdl_attr_definition
class RowFunctionAttr(EnumAttribute[RowFunction], SpacedOpaqueSyntaxAttribute):
    name = "kernel.row_function"


@irdl_op_definition
class MatmulOp(KernelOp):
    """out[b.., m, n] = sum_k a[b.., m, k] * b[b.., k, n]; batch axes broadcast; `transpose_a`/`transpose_b` swap the
    last two axes of the operand. Both operands have the output's rank."""

    name = "kernel.matmul"
    transpose_a = opt_prop_def(UnitAttr)
    transpose_b = opt_prop_def(UnitAttr)

    def _last_axes(self, index: int) -> tuple[int, int]:
        """Positions of the rows and columns of the untransposed operand."""
        rank = len(self.in_shape(index))
        transposed = self.transpose_a if index == 0 else self.transpose_b
        return (rank - 1, rank - 2) if transposed else (rank - 2, rank - 1)

    def dims(self) -> tuple[Dim, ...]:
        shape = shape_of(self.out)
        batch = tuple(Dim(f"b{i}", P, s) for i, s in enumerate(shape[:-2]))
        k = self.in_shape(0)[self._last_axes(0)[1]]
        return (*batch, Dim("m", P, shape[-2]), Dim("n", P, shape[-1]), Dim("k", R, k))

    @property
    def num_dims(self) -> int:
        return len(shape_of(self.out)) + 1

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        shape, rank = self.in_shape(index), len(shape_of(self.out))
        m, n, k = rank - 2, rank - 1, rank
        axes = [self.axis_of([(i, 1)] if shape[i] != 1 else [], shape[i]) for i in range(rank)]
        rows, columns = self._last_axes(index)
        first, second = (m, k) if index == 0 else (k, n)
        axes[rows] = self.axis_of([(first, 1)], shape[rows])
        axes[columns] = self.axis_of([(second, 1)], shape[columns])
        return tuple(axes)

    def output_axes(self) -> tuple[Axis, ...]:
        return tuple(self.axis_of([(i, 1)], s) for i, s in enumerate(shape_of(self.out)))

    def verify_structure(self) -> None:
        ranks = {len(self.in_shape(i)) for i in range(len(self.ins))} | {len(shape_of(self.out))}
        if len(self.ins) != 2 or len(ranks) != 1 or min(ranks) < 2:
            raise VerifyException(
                f"kernel.matmul: needs two operands of the output's rank (at least 2), got "
                f"{', '.join(str(v.type) for v in (*self.ins, self.out))}"
            )
        k = [self.in_shape(0)[self._last_axes(0)[1]], self.in_shape(1)[self._last_axes(1)[0]]]
        if k[0] != k[1]:
            raise VerifyException(f"kernel.matmul: the operands sum over {k[0]} and {k[1]} elements")


class WindowOp(KernelOp):
    """Base of the sliding-window operators on images [n, c, s..] or [n, s.., c] with 1 to 3 spatial axes."""

    layout = prop_def(LayoutAttr)
    window = prop_def(I64Array)
    """Sizes of the window."""
    strides = prop_def(I64Array)
    dilations = prop_def(I64Array)
    pads = prop_def(I64Array)
    """Low pads of the spatial axes, then the high ones."""
    padding = opt_prop_def(IntegerAttr[IntegerType])
    """What a convolution or sum reads in the padding (an input's zero point); 0 where absent."""

    def pad_value(self) -> int | float:
        return 0 if self.padding is None else self.padding.value.data

    @property
    def channels_last(self) -> bool:
        return self.layout.data == Layout.CHANNELS_LAST

    @property
    def spatial_rank(self) -> int:
        return len(self.window.get_values())

    @property
    def channel_axis(self) -> int:
        return self.spatial_rank + 1 if self.channels_last else 1

    def arrange(self, batch: Axis, channel: Axis, spatial: Sequence[Axis]) -> tuple[Axis, ...]:
        """The axes of an image in this operator's layout."""
        return (batch, *spatial, channel) if self.channels_last else (batch, channel, *spatial)

    def spatial_sizes(self, value: SSAValue) -> tuple[int, ...]:
        shape = shape_of(value)
        return shape[1:-1] if self.channels_last else shape[2:]

    def window_axes(self, value: SSAValue, first_output: int, first_window: int) -> list[Axis]:
        """The spatial axes of the input: stride * output + dilation * window - pad."""
        rank = self.spatial_rank
        pads = self.pads.get_values()
        return [
            self.axis_of(
                [(first_output + i, self.strides.get_values()[i]), (first_window + i, self.dilations.get_values()[i])],
                extent,
                (pads[i], pads[rank + i]),
            )
            for i, extent in enumerate(self.spatial_sizes(value))
        ]

    def verify_structure(self) -> None:
        rank = self.spatial_rank
        lengths = [len(a.get_values()) for a in (self.strides, self.dilations, self.pads)]
        if lengths != [rank, rank, 2 * rank]:
            raise VerifyException(
                f"{self.name}: a window of rank {rank} needs {rank} strides and dilations and {2 * rank} pads, "
                f"got {lengths}"
            )
        if any(len(shape_of(v)) != rank + 2 for v in (self.ins[0], self.out)):
            raise VerifyException(f"{self.name}: a window of rank {rank} does not fit {self.ins[0].type}")
        for i, size in enumerate(self.spatial_sizes(self.out)):
            pads = self.pads.get_values()
            extent = self.spatial_sizes(self.ins[0])[i]
            reach = self.dilations.get_values()[i] * (self.window.get_values()[i] - 1)
            stride = self.strides.get_values()[i]
            if size < 0 or extent < 0 or self.local:
                continue
            if stride * (size - 1) + reach >= extent + pads[i] + pads[rank + i]:
                raise VerifyException(
                    f"{self.name}: spatial axis {i} of size {extent} with pads {pads[i]}, {pads[rank + i]} is too "
                    f"small for {size} outputs of stride {stride} and a window reaching {reach + 1}"
                )


def window_properties(
    layout: Layout, window: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> dict[str, Attribute | None]:
    """The common properties of `ConvOp` and `PoolOp`."""
    return {
        "layout": LayoutAttr(layout),
        "window": ints(window),
        "strides": ints(strides),
        "dilations": ints(dilations),
        "pads": ints(pads),
    }


@irdl_op_definition
class ConvOp(WindowOp):
    """Convolution: ins are the image and the weights [m, c/groups, k..] (channels first) or [m, k.., c/groups].

    With groups, output channel = group_outputs * g + m over the dimensions g and m."""

    name = "kernel.conv"
    groups = opt_prop_def(IntegerAttr[IntegerType])
    """Number of groups of the whole operator; absent where 1."""
    group_outputs = opt_prop_def(IntegerAttr[IntegerType])
    """Output channels per group; present with `groups`."""

    @property
    def group_inputs(self) -> int:
        """Input channels per group."""
        return self.in_shape(1)[-1 if self.channels_last else 1]

    @property
    def depthwise(self) -> bool:
        """One input and one output channel per group."""
        return self.group_outputs is not None and self.group_outputs.value.data == 1 and self.group_inputs == 1

    def _positions(self) -> tuple[int, int, int, int]:
        """Dimension numbers of: first spatial output, output channel (in its group), first window, input channel."""
        m = 1 + self.spatial_rank + (self.groups is not None)
        return 1, m, m + 1, m + 1 + self.spatial_rank

    def dims(self) -> tuple[Dim, ...]:
        shape = shape_of(self.out)
        channels = shape[self.channel_axis]
        spatial = tuple(Dim(f"o{i}", P, s) for i, s in enumerate(self.spatial_sizes(self.out)))
        outputs: tuple[Dim, ...] = (Dim("m", P, channels),)
        if self.group_outputs is not None:
            a_group = self.group_outputs.value.data
            outputs = (Dim("g", P, channels // a_group if channels >= 0 else -1), Dim("m", P, a_group))
        window = tuple(Dim(f"k{i}", W, s) for i, s in enumerate(self.window.get_values()))
        return (Dim("n", P, shape[0]), *spatial, *outputs, *window, Dim("c", R, self.group_inputs))

    @property
    def num_dims(self) -> int:
        return self._positions()[3] + 1

    def _output_channel(self) -> list[tuple[int, int]]:
        m = self._positions()[1]
        if self.group_outputs is None:
            return [(m, 1)]
        return [(m - 1, self.group_outputs.value.data), (m, 1)]

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        shape = self.in_shape(index)
        output, m, window, c = self._positions()
        if index == 0:
            groups = [(m - 1, self.group_inputs)] if self.groups is not None else []
            channel = self.axis_of([*groups, (c, 1)], shape[self.channel_axis])
            return self.arrange(
                self.axis_of([(0, 1)], shape[0]), channel, self.window_axes(self.ins[0], output, window)
            )
        outputs = self.axis_of(self._output_channel(), shape[0])
        inputs = self.axis_of([(c, 1)], self.group_inputs)
        taps = [self.axis_of([(window + i, 1)], s) for i, s in enumerate(self.window.get_values())]
        return self.arrange(outputs, inputs, taps)

    def output_axes(self) -> tuple[Axis, ...]:
        shape = shape_of(self.out)
        spatial = [self.axis_of([(1 + i, 1)], s) for i, s in enumerate(self.spatial_sizes(self.out))]
        channel = self.axis_of(self._output_channel(), shape[self.channel_axis])
        return self.arrange(self.axis_of([(0, 1)], shape[0]), channel, spatial)

    def verify_structure(self) -> None:
        if len(self.ins) != 2 or len(self.in_shape(1)) != self.spatial_rank + 2:
            raise VerifyException(f"kernel.conv: needs an image and weights of rank {self.spatial_rank + 2}")
        super().verify_structure()
        weights = self.in_shape(1)
        taps = weights[1:-1] if self.channels_last else weights[2:]
        if taps != tuple(self.window.get_values()):
            raise VerifyException(f"kernel.conv: weights {self.ins[1].type} hold {taps}, not window {self.window}")
        if (self.groups is None) != (self.group_outputs is None):
            raise VerifyException("kernel.conv: groups and group_outputs go together")
        if self.local:
            return
        channels, groups = shape_of(self.ins[0])[self.channel_axis], self.groups.value.data if self.groups else 1
        if channels != groups * self.group_inputs:
            raise VerifyException(
                f"kernel.conv: {channels} input channels, but {groups} groups of {self.group_inputs} in the weights"
            )


@irdl_op_definition
class PoolOp(WindowOp):
    """Pooling of an image. `AVERAGE` divides by the window's size, or with `exclude_pad` by what lies inside the
    image; padding never wins a maximum."""

    name = "kernel.pool"
    combiner = prop_def(CombinerAttr)
    exclude_pad = opt_prop_def(UnitAttr)

    def dims(self) -> tuple[Dim, ...]:
        shape = shape_of(self.out)
        spatial = tuple(Dim(f"o{i}", P, s) for i, s in enumerate(self.spatial_sizes(self.out)))
        window = tuple(Dim(f"k{i}", W, s) for i, s in enumerate(self.window.get_values()))
        return (Dim("n", P, shape[0]), *spatial, Dim("c", P, shape[self.channel_axis]), *window)

    @property
    def num_dims(self) -> int:
        return 2 + 2 * self.spatial_rank

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        shape, c = shape_of(self.ins[0]), 1 + self.spatial_rank
        spatial = self.window_axes(self.ins[0], 1, c + 1)
        return self.arrange(self.axis_of([(0, 1)], shape[0]), self.axis_of([(c, 1)], shape[self.channel_axis]), spatial)

    def output_axes(self) -> tuple[Axis, ...]:
        shape, c = shape_of(self.out), 1 + self.spatial_rank
        spatial = [self.axis_of([(1 + i, 1)], s) for i, s in enumerate(self.spatial_sizes(self.out))]
        return self.arrange(self.axis_of([(0, 1)], shape[0]), self.axis_of([(c, 1)], shape[self.channel_axis]), spatial)

    def accumulator(self) -> Attribute:
        element = element_type_of_value(self.ins[0])
        return extremum_type(element) if self.combiner.data == Combiner.MAX else accumulator_type(element)

    def verify_structure(self) -> None:
        if len(self.ins) != 1:
            raise VerifyException("kernel.pool: needs one operand")
        if self.combiner.data not in (Combiner.MAX, Combiner.SUM, Combiner.AVERAGE):
            raise VerifyException(f"kernel.pool: cannot pool by {self.combiner.data}")
        if self.combiner.data == Combiner.AVERAGE and isinstance(element_type_of_value(self.ins[0]), IntegerType):
            raise VerifyException(f"kernel.pool: average of integers {self.ins[0].type}; sum and divide instead")
        super().verify_structure()


@irdl_op_definition
class ReduceOp(KernelOp):
    """Reduction over `axes` of its operand; the output has the remaining axes, in order."""

    name = "kernel.reduce"
    combiner = prop_def(CombinerAttr)
    axes = prop_def(I64Array)

    def dims(self) -> tuple[Dim, ...]:
        reduced = set(self.axes.get_values())
        return tuple(Dim(f"d{i}", R if i in reduced else P, s) for i, s in enumerate(shape_of(self.ins[0])))

    @property
    def num_dims(self) -> int:
        return len(shape_of(self.ins[0]))

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        return tuple(self.axis_of([(i, 1)], s) for i, s in enumerate(shape_of(self.ins[0])))

    def output_axes(self) -> tuple[Axis, ...]:
        reduced = set(self.axes.get_values())
        kept = [i for i in range(len(shape_of(self.ins[0]))) if i not in reduced]
        return tuple(self.axis_of([(d, 1)], s) for d, s in zip(kept, shape_of(self.out), strict=True))

    def accumulator(self) -> Attribute:
        element = element_type_of_value(self.ins[0])
        extremum = self.combiner.data in (Combiner.MAX, Combiner.MIN)
        return extremum_type(element) if extremum else accumulator_type(element)

    def verify_structure(self) -> None:
        if len(self.ins) != 1:
            raise VerifyException("kernel.reduce: needs one operand")
        rank, axes = len(shape_of(self.ins[0])), self.axes.get_values()
        if sorted(set(axes)) != list(axes) or any(not 0 <= a < rank for a in axes):
            raise VerifyException(f"kernel.reduce: axes {list(axes)} are not ascending axes of {self.ins[0].type}")
        if len(shape_of(self.out)) != rank - len(axes):
            raise VerifyException(f"kernel.reduce: {self.ins[0].type} without axes {list(axes)} is not {self.out.type}")


@irdl_op_definition
class RowOp(KernelOp):
    """A function of each row along the last axis (softmax, normalisations). ins[0] has the output's shape; further
    ins are vectors along the row (weights of the integer normalisations). `parameters` are the function's constants."""

    name = "kernel.row"
    function = prop_def(RowFunctionAttr)
    parameters = opt_prop_def(DictionaryAttr)

    def parameter(self, name: str) -> int | float:
        """A numeric parameter. Raises KeyError if absent."""
        if self.parameters is None:
            raise KeyError(name)
        value = self.parameters.data[name]
        assert isa(value, IntegerAttr) or isa(value, FloatAttr)
        return value.value.data

    def dims(self) -> tuple[Dim, ...]:
        shape = shape_of(self.out)
        rows = tuple(Dim(f"r{i}", P, s) for i, s in enumerate(shape[:-1]))
        return (*rows, Dim("k", R, shape[-1]))

    @property
    def num_dims(self) -> int:
        return len(shape_of(self.out))

    def input_axes(self, index: int) -> tuple[Axis, ...]:
        shape, last = shape_of(self.ins[index]), len(shape_of(self.out)) - 1
        if index:
            return (self.axis_of([(last, 1)], shape[0]),)
        return tuple(self.axis_of([(i, 1)], s) for i, s in enumerate(shape))

    def output_axes(self) -> tuple[Axis, ...]:
        return tuple(self.axis_of([(i, 1)], s) for i, s in enumerate(shape_of(self.out)))

    def accumulator(self) -> Attribute:
        integer = {
            RowFunction.I_SOFTMAX,
            RowFunction.ITA_MAX,
            RowFunction.ITA_PARTIAL_MAX,
            RowFunction.I_LAYER_NORM,
            RowFunction.I_RMS_NORM,
        }
        return i32 if self.function.data in integer else accumulator_type(element_type_of_value(self.ins[0]))

    def verify_structure(self) -> None:
        if not self.ins or not shape_of(self.out):
            raise VerifyException(f"kernel.row: needs an operand of rank 1 or more, got {self.out.type}")
        if len(shape_of(self.ins[0])) != len(shape_of(self.out)):
            raise VerifyException(f"kernel.row: {self.ins[0].type} does not fit the output {self.out.type}")


KERNEL_OPS: list[type[IRDLOperation]] = [MatmulOp, ConvOp, PoolOp, ReduceOp, RowOp, MapOp, ScatterOp]

__all__ = ["KERNEL_OPS", "ConvOp", "MapOp", "MatmulOp", "PoolOp", "ReduceOp", "RowOp", "ScatterOp", "map_op"]
