"""Arm's DSP instructions and the kernels that use them, on the emulated Cortex-M4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.dialects import c
from deeploy_mlir.interpreters.instructions import Words, run_instruction
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.kernels.generated.instruction_functions import instruction_function
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.machine.platform import configuration_of
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.simulators.cortex_m.emulator import Emulator
from deeploy_mlir.support.numpy_types import Array, element_type_of
from deeploy_mlir.targets.cortex_m4.instructions import ARM_DSP
from deeploy_mlir.targets.cortex_m4.kernels import TUNING
from deeploy_mlir.targets.cortex_m4.platforms import CORTEX_M4
from deeploy_mlir.targets.cortex_m4.runner import BOARD, UNICORN_CORTEX_M4
from deeploy_mlir.testing.kernel_cases import KernelCase
from deeploy_mlir.testing.native import RUNTIME, c_type, kernels_source

from .test_instructions import function, operands
from .test_kernels_on_siracusa import random_image, random_product

pytest.importorskip("unicorn")


def emulated(folder: Path, sources: dict[str, str], inputs: dict[str, Array], outputs: dict[str, Array]) -> list[Array]:
    """Builds and runs a program; `inputs` and `outputs` are global arrays, whose values come back for the latter."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    kernels = RUNTIME / "kernels"
    files = [*(folder / name for name in sources if name.endswith(".c")), *sorted(kernels.glob("*.c"))]
    image = folder / "image.elf"
    assert CORTEX_M4.build(files, [kernels, folder], image, configuration_of(load_soc("cortex-m4"))) == ""
    emulator = Emulator(UNICORN_CORTEX_M4, BOARD)
    elf = emulator.load(image.read_bytes())
    for name, array in inputs.items():
        emulator.write(elf.address_of(name), array.tobytes())
    result = emulator.run(60, ())
    assert result.fault is None
    assert result.exit_code == 0
    return [
        np.frombuffer(emulator.read(elf.address_of(name), array.nbytes), array.dtype).reshape(array.shape)
        for name, array in outputs.items()
    ]


def program(declarations: list[str], calls: list[str]) -> str:
    return (
        '#include "deeploy/platform.h"\n' + "\n".join(declarations) + "\nint main(void) {\n"
        + "\n".join(calls) + "\n  return 0;\n}\n"
    )  # fmt: skip


def test_instructions_mean_what_the_core_does(tmp_path: Path) -> None:
    inputs: dict[str, Words] = {}
    outputs: dict[str, Words] = {}
    declarations, calls, functions = list[str](), list[str](), list[c.FuncOp]()
    for n, instruction in enumerate(ARM_DSP.instructions):
        x = inputs[f"x{n}"] = operands(len(instruction.read))
        size = x.shape[1]
        outputs[f"y{n}"] = np.zeros(size, np.uint32)
        functions.append(function(instruction, f"f{n}"))
        declarations.append(f"void f{n}(const int32_t *, int32_t *, int32_t);")
        declarations.append(f"DM_RAM_NOINIT int32_t x{n}[{x.size}], y{n}[{size}];")
        calls.append(f"  f{n}(x{n}, y{n}, {size});")
    assert ARM_DSP.preamble is not None
    file = c.FileOp("f.c", [c.IncludeOp("stdint.h", standard=True), c.VerbatimOp(ARM_DSP.preamble), *functions])
    module = ModuleOp([file])
    module.verify()
    sources = {**c_sources(module), "main.c": program(declarations, calls)}
    for instruction, x, y in zip(
        ARM_DSP.instructions, inputs.values(), emulated(tmp_path, sources, inputs, outputs), strict=True
    ):
        np.testing.assert_array_equal(y, run_instruction(instruction, list(x)), err_msg=instruction.name)


def test_the_core_has_them(tmp_path: Path) -> None:
    """The compilers of the target take the intrinsics, not what they mean."""
    guard = f"#if !({ARM_DSP.condition})\n#error not known\n#endif\n"
    emulated(tmp_path, {"main.c": guard + program([], [])}, {}, {})


def test_products_and_convolutions(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    cases = [random_product(rng, n) for n in range(20)] + [random_image(rng, n) for n in range(25)]
    text = kernels_source([case.op for case in cases], TUNING, ARM_DSP)
    for name in ("smlad", "sxtb16", "sxtb16_ror_8", "uxtb16", "ssat_8"):
        assert f"dm_arm_dsp_{name}(" in text
    declarations, calls, inputs, outputs = list[str](), list[str](), dict[str, Array](), dict[str, Array]()
    for n, case in enumerate(cases):
        kernel_call(n, case, declarations, calls)
        inputs |= {f"a{n}_{i}": a for i, a in enumerate(case.arrays[:-1])}
        outputs[f"a{n}_{len(case.arrays) - 1}"] = case.arrays[-1]
    sources = {"kernels.c": text, "main.c": program(declarations, calls)}
    for case, y in zip(cases, emulated(tmp_path, sources, inputs, outputs), strict=True):
        wanted = run_kernel_op(case.op, case.parts(), case.origins)
        np.testing.assert_array_equal(y, wanted, err_msg=str(case.op))


def kernel_call(n: int, case: KernelCase, declarations: list[str], calls: list[str]) -> None:
    types = [c_type(element_type_of(a.dtype)) for a in case.arrays]
    passed = [f"a{n}_{i}" for i in range(len(types))]
    parameters = [f"{'const ' * (i + 1 < len(types))}{t} *restrict" for i, t in enumerate(types)]
    declarations.append(f"void k{n}({', '.join(parameters)});")
    declarations += [
        f"DM_RAM_NOINIT DM_ALIGN(4) {t} {name}[{a.size}];"
        for t, name, a in zip(types, passed, case.arrays, strict=True)
    ]
    calls.append(f"  k{n}({', '.join(passed)});")


def test_helpers_are_known_by_names_that_c_takes() -> None:
    names = [instruction_function(ARM_DSP, i).sym_name.data for i in ARM_DSP.instructions]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
