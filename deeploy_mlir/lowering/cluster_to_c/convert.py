"""`convert-cluster-to-c`: a network's files.

- `<net>.h` declares the input and output arrays and `<net>_run`, for which and all other names see `c_names`;
- `<net>.c` holds the arenas, a function for each distinct kernel, one for each step, and `<net>_run`;
- `<net>_weights.c` holds the constants, `<net>_weights.h` declares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    IndexType,
    MemRefType,
    ModuleOp,
    StridedLayoutAttr,
    StringAttr,
    TensorType,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, Region
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter
from xdsl.utils.hints import isa

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.cluster import RunOp
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import ArenaOp, MemRef, Role, StepOp, memory_of, role_of, strides_of
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.ir.c_builder import CBuilder, new_function
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.ir.symbols import NetworkArrays, arrays_of
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.choice import bindings_of, chosen
from deeploy_mlir.kernels.generated.scalar_body import HEADERS
from deeploy_mlir.kernels.offload import OffloadBinding
from deeploy_mlir.lowering.cluster_to_c.body import BYTE, BodyLowering
from deeploy_mlir.lowering.cluster_to_c.c_names import NetworkNames, elements_macro
from deeploy_mlir.lowering.cluster_to_c.quantization import meaning_of, quantization_function, quantization_macros
from deeploy_mlir.machine.platform import section_macro
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.support.names import STEP_MACRO, label
from deeploy_mlir.support.numpy_types import element_bytes

MINIMUM_ALIGN = 4
"""Alignment of arrays in bytes, so that kernels and DMAs may move whole words."""


def structure_of(kernel: KernelOp) -> str:
    """What a kernel's function depends on, as text: all but the layer, where the operands lie, and value names."""
    arguments = [Block(arg_types=[shape_and_strides(v.type)]).args[0] for v in kernel.operands_accessed]
    origins = [Block(arg_types=[o.type]).args[0] for o in kernel.origins]
    copy = kernel_on(kernel, arguments, origins if kernel.local is not None else None)
    copy.layer = StringAttr("")
    for inner in copy.walk():
        for value in (*inner.results, *(a for r in inner.regions for b in r.blocks for a in b.args)):
            value.name_hint = None
    return str(copy)


def shape_and_strides(memref_type: Attribute) -> MemRef:
    """A memref type without its offset and memory."""
    assert isa(memref_type, MemRef)
    layout = StridedLayoutAttr(list(strides_of(memref_type)), None)
    return MemRefType(memref_type.element_type, memref_type.get_shape(), layout)


class Kernels:
    """The C functions of a network's kernels; equal ones are shared."""

    def __init__(self, names: NetworkNames, file: Block, bindings: Sequence[KernelBinding]) -> None:
        self.names = names
        self.bindings = bindings
        self.headers: set[str] = set()
        self.preambles: set[str] = set()
        self.helpers: set[str] = set()
        self.file = file
        self.known: dict[str, c.FuncOp] = {}

    def function_for(self, kernel: KernelOp) -> c.FuncOp:
        """The function of a kernel; made at the end of the file where it is new."""
        key = structure_of(kernel)
        if key not in self.known:
            binding = chosen(kernel, self.bindings)
            function = binding.emit(kernel, "kernel")
            if binding.preamble is not None:
                self.preambles.add(binding.preamble)
            for helper in binding.functions_called(function):
                if helper.sym_name.data not in self.helpers:
                    self.helpers.add(helper.sym_name.data)
                    self.file.add_op(helper)
            if binding.library is not None:
                self.headers.update(map(binding.library.include, binding.library.headers))
            if isinstance(binding, OffloadBinding):
                self.headers.update(binding.headers)
            function.sym_name = StringAttr(self.names.kernel(kernel.name.removeprefix("kernel.")))
            function.specifiers = ArrayAttr([StringAttr(word) for word in (*function.words, "DM_KERNEL")])
            self.file.add_op(function)
            self.known[key] = function
        return self.known[key]


@dataclass
class NetworkFiles:
    """The files of one function."""

    function: FuncOp
    system: SystemOp
    bindings: Sequence[KernelBinding]
    arrays: NetworkArrays
    names: NetworkNames

    @property
    def name(self) -> str:
        return self.names.prefix

    def symbol(self, op: memref.GlobalOp | ArenaOp) -> str:
        """The C name of an array or arena."""
        return self.names.symbols[op.sym_name.data]

    def write_to(self, module: Block) -> None:
        """Adds all files to the module's block, the main one last."""
        module.add_op(self._header())
        source = self._source()
        files = [self._weights_header(), self._weights(), source] if self.arrays.constants else [source]
        module.add_ops(files)
        arrays = {
            op.sym_name.data: op.type for file in files for op in file.body.block.ops if isinstance(op, c.GlobalOp)
        }
        self._code(source, arrays)

    def _header_file(self, path: str, ops: Sequence[Operation]) -> c.FileOp:
        """A header that C++ may include too."""
        standard = [c.IncludeOp(f"{name}.h", standard=True) for name in ("stdbool", "stdint")]
        own = ["deeploy/platform.h"]
        if any(isinstance(op, c.FuncOp) for op in ops):
            own.append("dm_math.h")
        start, end = (c.VerbatimOp(f"#ifdef __cplusplus\n{brace}\n#endif") for brace in ('extern "C" {', "}"))
        return c.FileOp(path, [*standard, *map(c.IncludeOp, own), start, *ops, end])

    def _header(self) -> c.FileOp:
        ops: list[Operation] = []
        for array in self.arrays.boundary:
            role, symbol = role_of(array), self.symbol(array)
            assert role is not None
            is_input = role.kind == Role.INPUT
            name = label(role.known_as.data)
            ops.append(c.CommentOp(f"{role.kind} '{name}': {_words(array)}{meaning_of(array)}"))
            ops.append(c.DefineOp(elements_macro(symbol), str(_elements(array))))
            ops += [*quantization_macros(array, symbol), c.DeclareGlobalOp(symbol)]
            verb, what = "quantize" if is_input else "dequantize", symbol.removeprefix(f"{self.name}_")
            ops += quantization_function(array, f"{self.name}_{verb}_{what}", is_input=is_input)
        ops.append(c.CommentOp("One inference: reads the inputs, writes the outputs. Not reentrant."))
        ops.append(c.DeclareFuncOp(self.names.run))
        return self._header_file(f"{self.name}.h", ops)

    def _weights_header(self) -> c.FileOp:
        declared = [c.DeclareGlobalOp(self.symbol(array)) for array in self.arrays.constants]
        return self._header_file(f"{self.name}_weights.h", declared)

    def _weights(self) -> c.FileOp:
        ops: list[Operation] = [c.IncludeOp(f"{self.name}_weights.h"), c.IncludeOp("deeploy/platform.h")]
        for array in self.arrays.constants:
            value = cast(DenseIntOrFPElementsAttr, array.initial_value)
            count = _elements(array)
            flat = None
            if count:
                flat = DenseIntOrFPElementsAttr(TensorType(value.get_element_type(), [count]), value.data)
            ops.append(c.CommentOp(_words(array)))
            ops.append(self._global(array, ["const", *_placement(_memory(array), initialised=True)], flat))
        return c.FileOp(f"{self.name}_weights.c", ops)

    def _source(self) -> c.FileOp:
        block = Block()
        block.add_ops([c.IncludeOp(f"{self.name}.h"), c.IncludeOp("stddef.h", standard=True)])
        block.add_ops([c.IncludeOp("deeploy/platform.h"), c.IncludeOp("dm_math.h")])
        if self.arrays.constants:
            block.add_op(c.IncludeOp(f"{self.name}_weights.h"))
        for arena in self.arrays.arenas:
            words = ["static", *_placement(arena.memory.root_reference.data), f"DM_ALIGN({arena.align.value.data})"]
            array_type = c.ArrayType([arena.size.value.data], BYTE)
            block.add_op(c.GlobalOp(self.symbol(arena), array_type, None, words))
        for array in self.arrays.boundary:
            block.add_op(self._global(array, _placement(_memory(array)), None))
        return c.FileOp(f"{self.name}.c", Region(block))

    def _global(
        self, array: memref.GlobalOp, words: Sequence[str], value: DenseIntOrFPElementsAttr | None
    ) -> c.GlobalOp:
        element = array.type.element_type
        align = f"DM_ALIGN({max(MINIMUM_ALIGN, element_bytes(element))})"
        elements = max(1, _elements(array))  # C has no empty arrays
        return c.GlobalOp(self.symbol(array), c.ArrayType([elements], element), value, [*words, align])

    def _code(self, file: c.FileOp, arrays: Mapping[str, Attribute]) -> None:
        """Kernels, steps and the entry points, at the end of the file."""
        block = file.body.block
        run = next((op for op in self.function.body.block.ops if isinstance(op, RunOp)), None)
        steps = [op for op in (run or self.function).walk() if isinstance(op, StepOp)]
        kernels = Kernels(self.names, block, self.bindings)
        constants = frozenset(array.sym_name.data for array in self.arrays.constants)
        functions: list[c.FuncOp] = []
        for number, step in enumerate(steps):
            arguments = [("core", IndexType())] if run is not None else []
            function = c.FuncOp(self.names.step(number, step), arguments, None, ["static", STEP_MACRO])
            functions.append(function)
            assert function.block is not None
            b = CBuilder(function.block)
            lowering = BodyLowering(b, kernels.function_for, self.names.symbols, arrays, constants, self.system)
            if run is not None:
                lowering.values[run.core] = function.block.args[0]
            lowering.block(step.body.block.ops)
            block.add_ops([c.CommentOp(_step_comment(step)), function])  # behind the kernels made on the way
        self._entry(file, functions, run is not None)
        called = {op.callee.data for op in file.walk() if isinstance(op, c.CallOpaqueOp)}
        last = [op for op in block.ops if isinstance(op, c.IncludeOp)][-1]
        for header in sorted({HEADERS[name] for name in called if name in HEADERS} | kernels.headers):
            block.insert_op_after(c.IncludeOp(header), last)
        for preamble in sorted(kernels.preambles):
            block.insert_op_after(c.VerbatimOp(preamble), last)

    def _entry(self, file: c.FileOp, steps: Sequence[c.FuncOp], on_cluster: bool) -> None:
        if on_cluster:
            _, b = new_function(file, self.names.cluster, (), None, ["static"])
            core = b.named("core", b.cast(b.call_value("dm_core_id", [], c.OpaqueType("uint32_t")), IndexType()))
            for step in steps:
                b.call(step, [core])
        _, b = new_function(file, self.names.run, (), None)
        if on_cluster:
            b.verbatim(f"dm_cluster_run({self.names.cluster});")
        else:
            for step in steps:
                b.call(step, [])


def _step_comment(step: StepOp) -> str:
    text = label(step.layer.data)
    if step.note is not None:
        text += f"\n{step.note.data}"
    if step.cycles is not None:
        text += f"\nplanned: {step.cycles.data} cycles"
    return text


def _memory(array: memref.GlobalOp) -> str:
    return memory_of(array.type)


def _elements(array: memref.GlobalOp) -> int:
    return prod(array.type.get_shape())


def _words(array: memref.GlobalOp) -> str:
    element = array.type.element_type
    shape = "x".join(map(str, array.type.get_shape())) or "scalar"
    return f"{shape} {element}, {_elements(array) * element_bytes(element)} bytes"


def _placement(memory: str, *, initialised: bool = False) -> list[str]:
    """The platform's macro for arrays in a memory."""
    return [section_macro(memory, initialised=initialised)]


@dataclass(frozen=True)
class ConvertClusterToCPass(ModulePass):
    """Turns every function of steps into its files; arenas and arrays become C arrays, and the SoC's description,
    which is of no more use, goes."""

    name = "convert-cluster-to-c"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        bindings = bindings_of(system)
        for function in [f for f in op.body.block.ops if isinstance(f, FuncOp)]:
            arrays = arrays_of(op, function)
            names = NetworkNames(function.sym_name.data, arrays)
            NetworkFiles(function, system, bindings, arrays, names).write_to(op.body.block)
            for old in (*arrays.arenas, *arrays.boundary, *arrays.constants, function):
                Rewriter.erase_op(old, safe_erase=False)
        Rewriter.erase_op(system)
