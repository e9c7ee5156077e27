"""The C function of a kernel.

    static void name(const uint8_t *restrict in0, const int8_t *restrict in1, const int32_t *restrict extra0,
                     int8_t *restrict out, int32_t size2_1, int32_t origin0)

Pointers are to the first element of each memref; then come the numbers that `dynamic_arguments` lists, and
the core's scratch where the kernel has any. Nothing in the
function names a layer, so equal kernels have equal functions.
"""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.dialects.kernel.ops import MapOp, RowOp, ScatterOp
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated.description import DynamicArgument, describe, simplify
from deeploy_mlir.kernels.generated.elementwise import emit_map
from deeploy_mlir.kernels.generated.nest import Nest
from deeploy_mlir.kernels.generated.reduction import Reduction
from deeploy_mlir.kernels.generated.rows import emit_row
from deeploy_mlir.kernels.generated.scatter import emit_scatter
from deeploy_mlir.kernels.generated.tuning import HOST, Tuning
from deeploy_mlir.kernels.generated.vector import VectorReduction, vector_plan
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.kernels.offload import JOB


def dynamic_arguments(op: KernelOp) -> list[DynamicArgument]:
    """What the caller passes behind the operands, in order: sizes and origins known only at run time."""
    return list(describe(op).arguments)


def kernel_signature(op: KernelOp, name: str) -> c.FuncOp:
    """The function of a kernel on memrefs, with an empty body: what every binding's function looks like from outside.

    Raises DeeployError if there is no C for the kernel's operands."""
    description = describe(op)
    names = [f"in{i}" for i in range(len(op.ins))] + [f"extra{i}" for i in range(len(op.extras))] + ["out"]
    arguments: list[tuple[str, Attribute]] = []
    for text, operand in zip(names, description.operands, strict=True):
        arguments.append((text, c.PtrType(operand.element_type, const=text != "out", restrict=True)))
    arguments += [(argument.name, IndexType()) for argument in description.arguments]
    if op.scratch is not None:
        arguments.append(("scratch", c.PtrType(element_type_of_value(op.scratch), restrict=True)))
    return c.FuncOp(name, arguments, None, ["static"])


def job_signature(op: KernelOp, name: str) -> c.FuncOp:
    """The function that starts a kernel on memrefs as a job, with an empty body.

    Its arguments are those of every kernel's function; nothing is `restrict`, since the job works on behind its back.
    Raises DeeployError if there is no C for the kernel's operands."""
    description = describe(op)
    names = [f"in{i}" for i in range(len(op.ins))] + [f"extra{i}" for i in range(len(op.extras))] + ["out"]
    arguments: list[tuple[str, Attribute]] = [
        (text, c.PtrType(operand.element_type, const=text != "out"))
        for text, operand in zip(names, description.operands, strict=True)
    ]
    arguments += [(argument.name, IndexType()) for argument in description.arguments]
    return c.FuncOp(name, arguments, JOB, ["static"])


def kernel_function(
    op: KernelOp,
    name: str,
    tuning: Tuning = HOST,
    instructions: InstructionTable | None = None,
    packed: KernelOp | None = None,
) -> c.FuncOp:
    """The function of a kernel on memrefs of known strides, with the instructions of a table where they serve.

    Where `packed` is given, the function is called with its operands, which are bytes of the layout that `op` has.
    Raises DeeployError if there is no C for it."""
    description = describe(op)
    function = kernel_signature(op if packed is None else packed, name)
    builder = CBuilder(function.body.block)
    values: list[SSAValue] = list(function.body.block.args)
    for number, operand in enumerate(description.operands[: len(op.ins)] if packed is not None else ()):
        values[number] = builder.cast(values[number], c.PtrType(operand.element_type, const=True, restrict=True))
    count = len(op.operands_accessed)
    numbers = dict(zip(description.arguments, values[count:], strict=True))
    nest = Nest(builder, op, simplify(description), tuning, values[:count], numbers, instructions)
    if isinstance(op, MapOp):
        emit_map(nest)
    elif isinstance(op, RowOp):
        emit_row(nest)
    elif isinstance(op, ScatterOp):
        emit_scatter(nest)
    else:
        reduction = Reduction(nest)
        plan = vector_plan(reduction)
        if plan is None:
            reduction.emit()
        else:
            VectorReduction(reduction, plan).emit()
    return function
