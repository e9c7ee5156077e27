"""Runs generated kernel functions natively: one program for many cases, data in and out through files."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.kernels.generated import DynamicArgument, Tuning, dynamic_arguments, kernel_function
from deeploy_mlir.kernels.generated.instruction_functions import functions_called
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.support.numpy_types import Array, element_type_of
from deeploy_mlir.testing.kernel_cases import KernelCase

RUNTIME = Path(__file__).parent.parent / "runtime"

_MAIN_HEAD = """\
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *in_file, *out_file;
static void *get(size_t n) {
  char *p = malloc(n ? n : 1);
  if (!p || fread(p, 1, n, in_file) != n) exit(2);
  return p;
}
static void put(void *p, size_t n) {
  if (fwrite(p, 1, n, out_file) != n) exit(3);
  free(p);
}
"""

_C_TYPES = {"i1": "bool", "f32": "float", "f64": "double", "bf16": "uint16_t", "f16": "uint16_t"}


def c_type(element_type: Attribute) -> str:
    """The C type that stores an element."""
    text = str(element_type)
    if text in _C_TYPES:
        return _C_TYPES[text]
    return f"uint{text[2:]}_t" if text.startswith("ui") else f"int{text[1:]}_t"


def argument_value(case: KernelCase, argument: DynamicArgument) -> int:
    """What the caller passes for a run-time argument."""
    if argument.origin is not None:
        return case.origins[argument.origin]
    return case.shapes[argument.operand][argument.axis]


def kernels_source(ops: Sequence[KernelOp], tuning: Tuning, instructions: InstructionTable | None = None) -> str:
    """The C text of the kernels' functions, named k0, k1, ..."""
    file = c.FileOp("kernels.c")
    for header in ("stdint.h", "stdbool.h"):
        file.body.block.add_op(c.IncludeOp(header, standard=True))
    for header in ("dm_math.h", "dm_double.h", "dm_bits.h"):
        file.body.block.add_op(c.IncludeOp(header))
    if instructions is not None and instructions.preamble is not None:
        file.body.block.add_op(c.VerbatimOp(instructions.preamble))
    known: set[str] = set()
    for number, op in enumerate(ops):
        function = kernel_function(op, f"k{number}", tuning, instructions)
        function.specifiers = None
        for helper in functions_called(instructions, function) if instructions is not None else ():
            if helper.sym_name.data not in known:
                known.add(helper.sym_name.data)
                file.body.block.add_op(helper)
        file.body.block.add_op(function)
    module = ModuleOp([file])
    module.verify()
    return c_sources(module)["kernels.c"]


def main_source(cases: Sequence[KernelCase]) -> str:
    """A program that reads the operands of each case, calls its kernel and writes the output."""
    parts = [_MAIN_HEAD]
    body: list[str] = []
    for number, case in enumerate(cases):
        types = [c_type(element_type_of(a.dtype)) for a in case.arrays]
        lines: list[str] = []
        passed: list[str] = []
        for i, (array, start, t) in enumerate(zip(case.arrays, case.starts, types, strict=True)):
            strides = [s // array.itemsize for s in array.strides]
            offset = sum(s * x for s, x in zip(strides, start, strict=True)) if array.size else 0
            lines.append(f"  {t} *a{i} = get({array.nbytes});")
            passed.append(f"a{i} + {offset}")
        numbers = dynamic_arguments(case.op)
        passed += [str(argument_value(case, argument)) for argument in numbers]
        constant = ["const "] * (len(types) - 1) + [""]
        prototype = [f"{q}{t} *restrict" for q, t in zip(constant, types, strict=True)] + ["int32_t"] * len(numbers)
        parts.append(f"void k{number}({', '.join(prototype)});\n")
        last = len(types) - 1
        body.append(f"static void case{number}(void) {{\n" + "\n".join(lines))
        body.append(f"  k{number}({', '.join(passed)});\n  put(a{last}, {case.arrays[last].nbytes});")
        body.append("\n".join(f"  free(a{i});" for i in range(last)) + "\n}\n")
    calls = "".join(f"  case{n}();\n" for n in range(len(cases)))
    head = "int main(int argc, char **argv) {\n  (void)argc;\n"
    files = '  in_file = fopen(argv[1], "rb");\n  out_file = fopen(argv[2], "wb");\n'
    return "".join(parts) + "\n".join(body) + head + files + calls + "  return fclose(out_file);\n}\n"


@dataclass(frozen=True)
class Native:
    """How programs are built."""

    compiler: str = "gcc"
    flags: tuple[str, ...] = ("-O2",)


def run_cases(cases: Sequence[KernelCase], tuning: Tuning, folder: Path, native: Native) -> list[Array]:
    """The whole output array of each case after its generated kernel ran.

    Warnings are errors. Raises CalledProcessError if the compiler or the program fails, with its messages printed."""
    (folder / "kernels.c").write_text(kernels_source([case.op for case in cases], tuning))
    (folder / "main.c").write_text(main_source(cases))
    (folder / "in.bin").write_bytes(b"".join(np.ascontiguousarray(a).tobytes() for c in cases for a in c.arrays))
    program = folder / "program"
    kernels = RUNTIME / "kernels"
    _run([
        native.compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", *native.flags, f"-I{kernels}",
        str(folder / "kernels.c"), str(folder / "main.c"), *map(str, sorted(kernels.glob("*.c"))), "-lm",
        "-o", str(program),
    ])  # fmt: skip
    _run([str(program), str(folder / "in.bin"), str(folder / "out.bin")])
    data = (folder / "out.bin").read_bytes()
    outputs: list[Array] = []
    for case in cases:
        out = case.arrays[-1]
        outputs.append(np.frombuffer(data[: out.nbytes], out.dtype).reshape(out.shape))
        data = data[out.nbytes :]
    assert not data
    return outputs


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-8000:])
    done.check_returncode()
