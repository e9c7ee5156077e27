"""The `kernel` dialect: structured compute operators with an iteration space (see `base`)."""

from xdsl.ir import Dialect

from deeploy_mlir.dialects.kernel.base import (
    CastOp,
    FmodOp,
    KernelOp,
    ReshapeOp,
    YieldOp,
    accumulator_type,
    element_type_of_value,
    extremum_type,
    identity_body,
    ints,
    linear_axis,
    shape_of,
)
from deeploy_mlir.dialects.kernel.ops import (
    KERNEL_OPS,
    Combiner,
    CombinerAttr,
    ConvOp,
    Layout,
    LayoutAttr,
    MapOp,
    MatmulOp,
    PoolOp,
    ReduceOp,
    RowFunction,
    RowFunctionAttr,
    RowOp,
    ScatterOp,
    WindowOp,
    map_op,
    window_properties,
)
from deeploy_mlir.dialects.kernel.packed import PackedAttr
from deeploy_mlir.dialects.kernel.requantize import RequantizeOp
from deeploy_mlir.dialects.kernel.split import SplitAttr

Kernel = Dialect(
    "kernel",
    [YieldOp, CastOp, FmodOp, RequantizeOp, ReshapeOp, *KERNEL_OPS],
    [LayoutAttr, CombinerAttr, RowFunctionAttr, SplitAttr, PackedAttr],
)

__all__ = [
    "CastOp",
    "Combiner",
    "CombinerAttr",
    "ConvOp",
    "FmodOp",
    "Kernel",
    "KernelOp",
    "Layout",
    "LayoutAttr",
    "MapOp",
    "MatmulOp",
    "PackedAttr",
    "PoolOp",
    "ReduceOp",
    "RequantizeOp",
    "ReshapeOp",
    "RowFunction",
    "RowFunctionAttr",
    "RowOp",
    "ScatterOp",
    "SplitAttr",
    "WindowOp",
    "YieldOp",
    "accumulator_type",
    "element_type_of_value",
    "extremum_type",
    "identity_body",
    "ints",
    "linear_axis",
    "map_op",
    "shape_of",
    "window_properties",
]
