"""Generated kernels as RISC-V code on the simulated Siracusa, against the numpy interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.kernels.generated import RV32, dynamic_arguments
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.numpy_types import Array, element_type_of
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA
from deeploy_mlir.testing.kernel_cases import KernelCase, random_tile
from deeploy_mlir.testing.native import RUNTIME, argument_value, c_type, kernels_source
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS

from .siracusa_images import configuration


def main_source(cases: list[KernelCase]) -> tuple[str, list[list[int]]]:
    """A program that calls every kernel on core 0, and the offsets of each one's operands in the arena."""
    prototypes: list[str] = []
    calls: list[str] = []
    places: list[list[int]] = []
    used = 0
    for number, case in enumerate(cases):
        types = [c_type(element_type_of(a.dtype)) for a in case.arrays]
        offsets: list[int] = []
        passed: list[str] = []
        for array, start, t in zip(case.arrays, case.starts, types, strict=True):
            steps = [s // array.itemsize for s in array.strides]
            first = sum(s * x for s, x in zip(steps, start, strict=True)) if array.size else 0
            offsets.append(used)
            passed.append(f"({t} *)(void *)(arena + {used}) + {first}")
            used += -(-array.nbytes // 8) * 8 + 8
        numbers = dynamic_arguments(case.op)
        passed += [str(argument_value(case, a)) for a in numbers]
        const = ["const "] * (len(types) - 1) + [""]
        prototype = [f"{q}{t} *restrict" for q, t in zip(const, types, strict=True)] + ["int32_t"] * len(numbers)
        prototypes.append(f"void k{number}({', '.join(prototype)});")
        calls.append(f"  k{number}({', '.join(passed)});")
        places.append(offsets)
    source = (
        '#include "deeploy/platform.h"\n#include <stdbool.h>\n'
        + "\n".join(prototypes)
        + f"\nDM_L2_NOINIT char arena[{used}] DM_ALIGN(8);\n"
        + "static void work(void) {\n  if (dm_core_id()) return;\n"
        + "\n".join(calls)
        + "\n}\nint main(void) {\n  dm_cluster_run(work);\n  return 0;\n}\n"
    )
    return source, places


def run_on_siracusa(cases: list[KernelCase], folder: Path) -> list[Array]:
    """The whole output array of each case."""
    source, places = main_source(cases)
    (folder / "main.c").write_text(source)
    (folder / "kernels.c").write_text(kernels_source([case.op for case in cases], RV32))
    kernels = RUNTIME / "kernels"
    sources = [folder / "kernels.c", folder / "main.c", *sorted(kernels.glob("*.c"))]
    image = folder / "image.elf"
    assert SIRACUSA.build(sources, [kernels], image, configuration(), opt="-O2") == ""
    simulator = Simulator()
    elf = simulator.load(image.read_bytes())
    arena = elf.address_of("arena")
    for case, offsets in zip(cases, places, strict=True):
        for array, offset in zip(case.arrays, offsets, strict=True):
            simulator.write(arena + offset, np.ascontiguousarray(array).tobytes())
    result = simulator.run(1 << 32)
    assert result.exit_code == 0, str(result.fault)
    outputs: list[Array] = []
    for case, offsets in zip(cases, places, strict=True):
        out = case.arrays[-1]
        data = simulator.read(arena + offsets[-1], out.nbytes)
        outputs.append(np.frombuffer(data, out.dtype).reshape(out.shape))
    return outputs


@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
def test_random_kernels(kind: str, tmp_path: Path):
    rng = np.random.default_rng(6)
    cases = [RANDOM_KERNELS[kind](rng) for _ in range(10)]
    cases += [random_tile(rng, RANDOM_KERNELS[kind](rng)) for _ in range(15)]
    for case, actual in zip(cases, run_on_siracusa(cases, tmp_path), strict=True):
        whole = case.arrays[-1].copy()
        where = tuple(slice(s, s + n) for s, n in zip(case.starts[-1], case.shapes[-1], strict=True))
        whole[where] = run_kernel_op(case.op, case.parts(), case.origins)
        if whole.dtype.kind == "f":
            np.testing.assert_allclose(actual, whole, rtol=1e-4, atol=1e-4, err_msg=str(case.op))
        else:
            np.testing.assert_array_equal(actual, whole, err_msg=str(case.op))
