"""Generated kernels as RISC-V code on the simulated Siracusa, against the numpy interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import IntegerAttr, IntegerType, UnitAttr, i32, i64
from xdsl.ir import Attribute

from deeploy_mlir.dialects.kernel import ConvOp, Layout, MatmulOp, window_properties
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.kernels.generated import RV32, dynamic_arguments
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.numpy_types import Array, element_type_of, numpy_dtype
from deeploy_mlir.targets.siracusa.instructions import XPULPV2
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA
from deeploy_mlir.testing.kernel_cases import KernelCase, Rng, i8, i16, make_case, random_tile, ui8
from deeploy_mlir.testing.native import RUNTIME, argument_value, c_type, kernels_source
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS, requantisation

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


def run_on_siracusa(cases: list[KernelCase], folder: Path, instructions: InstructionTable | None = None) -> list[Array]:
    """The whole output array of each case."""
    source, places = main_source(cases)
    (folder / "main.c").write_text(source)
    (folder / "kernels.c").write_text(kernels_source([case.op for case in cases], RV32, instructions))
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


def check(cases: list[KernelCase], folder: Path, instructions: InstructionTable | None = None) -> None:
    """Runs the cases and compares them with the interpreter."""
    for case, actual in zip(cases, run_on_siracusa(cases, folder, instructions), strict=True):
        whole = case.arrays[-1].copy()
        where = tuple(slice(s, s + n) for s, n in zip(case.starts[-1], case.shapes[-1], strict=True))
        whole[where] = run_kernel_op(case.op, case.parts(), case.origins)
        if whole.dtype.kind == "f":
            np.testing.assert_allclose(actual, whole, rtol=1e-4, atol=1e-4, err_msg=str(case.op))
        else:
            np.testing.assert_array_equal(actual, whole, err_msg=str(case.op))


@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
def test_random_kernels(kind: str, tmp_path: Path):
    rng = np.random.default_rng(6)
    cases = [RANDOM_KERNELS[kind](rng) for _ in range(10)]
    cases += [random_tile(rng, RANDOM_KERNELS[kind](rng)) for _ in range(15)]
    check(cases, tmp_path)


@pytest.mark.parametrize("kind", ["matmul", "conv", "map", "pool"])
def test_random_kernels_with_instructions(kind: str, tmp_path: Path):
    rng = np.random.default_rng(7)
    cases = [RANDOM_KERNELS[kind](rng) for _ in range(20)]
    cases += [random_tile(rng, RANDOM_KERNELS[kind](rng)) for _ in range(20)]
    check(cases, tmp_path, XPULPV2)


def test_dot_products(tmp_path: Path):
    """Contiguous operands of every pair of types, all lengths modulo a word, hostile values, padding that is not 0."""
    rng = np.random.default_rng(9)
    cases = [random_product(rng, n) for n in range(24)] + [random_image(rng, n) for n in range(30)]
    cases += [random_tile(rng, random_product(rng, n)) for n in range(12)]
    cases += [random_tile(rng, random_image(rng, n)) for n in range(24)]
    assert "0x57, 1, 0x5c" in kernels_source([case.op for case in cases], RV32, XPULPV2)
    check(cases, tmp_path, XPULPV2)


PAIRS = ((i8, i8), (ui8, i8), (i16, i16), (ui8, ui8), (i8, ui8))


def hostile(rng: Rng, element: IntegerType, shape: Sequence[int]) -> Array:
    """Random values, or all the least, or all the largest."""
    choice = rng.integers(0, 4)
    info = np.iinfo(numpy_dtype(element))
    if choice < 2:
        return np.full(shape, (info.min, info.max)[choice], info.dtype)
    return rng.integers(info.min, info.max, shape, info.dtype, endpoint=True)


def random_product(rng: Rng, number: int) -> KernelCase:
    """a . b transposed, of `number` + 1 elements; into i32, or requantised."""
    a, b = PAIRS[number % len(PAIRS)]
    m, n, k = int(rng.integers(1, 12)), int(rng.integers(1, 12)), number + 1
    out = (i32, i8, ui8)[int(rng.integers(0, 3))]
    body = None if out == i32 else requantisation(i32, [], out, wide=False)
    properties: dict[str, Attribute | None] = {"transpose_b": UnitAttr()}
    return make_case(
        lambda i, e, o: MatmulOp(i, o, layer="product", body=body, properties=properties),
        [hostile(rng, a, (m, k)), hostile(rng, b, (n, k))], [], np.zeros((m, n), numpy_dtype(out)),
    )  # fmt: skip


def random_image(rng: Rng, number: int) -> KernelCase:
    """A convolution, channels last, of any window, stride, dilation and padding, perhaps in groups."""
    a, b = PAIRS[number % len(PAIRS)]
    window = [int(rng.integers(1, 4)) for _ in range(2)]
    strides = [int(rng.integers(1, 3)) for _ in range(2)]
    dilations = [int(rng.integers(1, 3)) if rng.random() < 0.3 else 1 for _ in range(2)]
    pads = [int(rng.integers(0, k)) for k in window] + [int(rng.integers(0, k)) for k in window]
    groups = int(rng.integers(2, 4)) if rng.random() < 0.2 else 1
    inputs, outputs = int(rng.integers(1, 11)), int(rng.integers(1, 8))
    size = [int(rng.integers(1, 6)) for _ in range(2)]
    extents = [
        max(1, s * (n - 1) + d * (k - 1) + 1 - low - high)
        for n, s, d, k, low, high in zip(size, strides, dilations, window, pads[:2], pads[2:], strict=True)
    ]
    size = [
        (e + low + high - d * (k - 1) - 1) // s + 1
        for e, s, d, k, low, high in zip(extents, strides, dilations, window, pads[:2], pads[2:], strict=True)
    ]
    properties = window_properties(Layout.CHANNELS_LAST, window, strides, dilations, pads)
    info = np.iinfo(numpy_dtype(a))
    if rng.random() < 0.5:
        properties["padding"] = IntegerAttr(int(rng.integers(info.min, info.max, endpoint=True)), i64)
    if groups > 1:
        properties |= {"groups": IntegerAttr(groups, i64), "group_outputs": IntegerAttr(outputs, i64)}
    x, w = (1, *extents, groups * inputs), (groups * outputs, *window, inputs)
    return make_case(
        lambda i, e, o: ConvOp(i, o, layer="image", properties=properties),
        [hostile(rng, a, x), hostile(rng, b, w)], [], np.zeros((1, *size, groups * outputs), np.int32),
    )  # fmt: skip
