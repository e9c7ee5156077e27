"""Cost of generated kernels: instructions on the host (callgrind) and cycles of one Siracusa core (simulator).

    python benchmarks/kernel_cycles.py [--host] [--siracusa] [--only SUBSTRING] [--source DIR]

Prints a table a multiply-accumulate (or element). Used to tune the generator and to fit the cost models of
`deeploy_mlir/targets/*/kernels.py`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    UnitAttr,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from deeploy_mlir.dialects.kernel import (
    CastOp,
    Combiner,
    CombinerAttr,
    ConvOp,
    Layout,
    MapOp,
    MatmulOp,
    PoolOp,
    RowFunction,
    RowFunctionAttr,
    RowOp,
    YieldOp,
    window_properties,
)
from deeploy_mlir.kernels.generated import HOST, RV32
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.kernels.instructions.lookup import instruction_tables
from deeploy_mlir.machine.platform import configuration_of
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.numpy_types import Array, element_type_of, numpy_dtype
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA
from deeploy_mlir.testing.kernel_cases import KernelCase, i8, make_case, ui8
from deeploy_mlir.testing.native import RUNTIME, c_type, kernels_source
from deeploy_mlir.testing.random_kernels import ROW_PARAMETERS, requantisation

L1_BYTES = 200_000


@dataclass(frozen=True)
class Benchmark:
    """A kernel with a name."""

    name: str
    case: KernelCase

    @property
    def work(self) -> int:
        """Multiply-accumulates or elementary operations."""
        return self.case.op.iteration_space().macs()


def zeros(t: Attribute, *shape: int) -> Array:
    """An array of an element type."""
    return np.zeros(shape, numpy_dtype(t))


def conv(
    name: str,
    image: tuple[int, int, int],
    outputs: int,
    kernel: tuple[int, int],
    stride: int = 1,
    pad: int = 0,
    depthwise: bool = False,
    t: Attribute = i8,
) -> Benchmark:
    """A convolution, channels last, with requantisation a channel (floats: a bias)."""
    height, width, channels = image
    pads = [pad] * 4
    size = [(n + 2 * pad - k) // stride + 1 for n, k in zip((height, width), kernel, strict=True)]
    x = zeros(ui8 if t == i8 else t, 1, height, width, channels)
    w = zeros(t, outputs, *kernel, 1 if depthwise else channels)
    out = zeros(t, 1, *size, outputs)
    properties = window_properties(Layout.CHANNELS_LAST, list(kernel), [stride] * 2, [1, 1], pads)
    if depthwise:
        properties |= {"groups": IntegerAttr(outputs, i64), "group_outputs": IntegerAttr(1, i64)}
    extras, maps, body = epilogue(t, 4, outputs)
    return Benchmark(name, make_case(
        lambda i, e, o: ConvOp(i, o, layer=name, extras=e, extra_maps=maps, body=body, properties=properties),
        [x, w], extras, out,
    ))  # fmt: skip


def epilogue(t: Attribute, rank: int, channels: int):
    """Extras, maps and body: requantisation in 32 bits with constants a channel, or a bias."""
    count, element = (2, cast(Attribute, i32)) if t == i8 else (1, cast(Attribute, f32))
    extras = [zeros(element, channels) for _ in range(count)]
    maps = [AffineMap(rank, 0, (AffineExpr.dimension(rank - 1),))] * count
    return extras, maps, requantisation(element, [element] * count, t, wide=False)


def matmul(name: str, m: int, n: int, k: int, transposed: bool = False, t: Attribute = i8) -> Benchmark:
    """A matrix product with requantisation a column (floats: a bias)."""
    extras, maps, body = epilogue(t, 2, n)
    b = zeros(t, n, k) if transposed else zeros(t, k, n)
    properties: dict[str, Attribute | None] = {"transpose_b": UnitAttr() if transposed else None}
    return Benchmark(name, make_case(
        lambda i, e, o: MatmulOp(i, o, layer=name, extras=e, extra_maps=maps, body=body, properties=properties),
        [zeros(t, m, k), b], extras, zeros(t, m, n),
    ))  # fmt: skip


def max_pool(name: str, image: tuple[int, int, int], t: Attribute = i8) -> Benchmark:
    """2x2 stride 2."""
    height, width, channels = image
    properties = window_properties(Layout.CHANNELS_LAST, [2, 2], [2, 2], [1, 1], [0] * 4)
    properties["combiner"] = CombinerAttr(Combiner.MAX)
    x, out = zeros(t, 1, height, width, channels), zeros(t, 1, height // 2, width // 2, channels)
    return Benchmark(name, make_case(lambda i, e, o: PoolOp(i, o, layer=name, properties=properties), [x], [], out))


def row(function: RowFunction, rows: int, length: int) -> Benchmark:
    """A row function."""
    integer = function.value.startswith("i")
    vectors = {RowFunction.I_LAYER_NORM: 2, RowFunction.I_RMS_NORM: 1}.get(function, 0)
    ins = [zeros(i8 if integer else f32, rows, length), *(zeros(i32, length) for _ in range(vectors))]
    parameters: dict[str, Attribute] = {
        name: IntegerAttr(value, i64) if isinstance(value, int) else FloatAttr(value, f32)
        for name, value in ROW_PARAMETERS[function].items()
    }
    properties: dict[str, Attribute | None] = {
        "function": RowFunctionAttr(function),
        "parameters": DictionaryAttr(parameters) if parameters else None,
    }
    name = f"{function.value} {rows}x{length}"
    out = zeros(i32 if integer else f32, rows, length)
    return Benchmark(name, make_case(lambda i, e, o: RowOp(i, o, layer=name, properties=properties), ins, [], out))


def elementwise(name: str, shape: tuple[int, ...], order: tuple[int, ...], operands: int, t: Attribute) -> Benchmark:
    """A sum of operands, or the copy of one, whose axes are in some order."""
    maps = [AffineMap(len(shape), 0, tuple(AffineExpr.dimension(d) for d in order))] * operands
    block = Block(arg_types=[t] * operands)
    value: SSAValue = block.args[0]
    for other in block.args[1:]:
        wide = [CastOp(v, i32) for v in (value, other)] if t == i8 else []
        block.add_ops(wide)
        add = arith.AddiOp(wide[0].result, wide[1].result) if wide else arith.AddfOp(value, other)
        block.add_op(add)
        value = add.results[0]
        if wide:
            block.add_op(narrow := CastOp(value, t))
            value = narrow.result
    block.add_op(YieldOp(value))
    body = Region(block)
    ins = [zeros(t, *(shape[d] for d in order)) for _ in range(operands)]
    properties: dict[str, Attribute | None] = {"maps": ArrayAttr([AffineMapAttr(m) for m in maps])}
    return Benchmark(
        name,
        make_case(lambda i, e, o: MapOp(i, o, layer=name, body=body, properties=properties), ins, [], zeros(t, *shape)),
    )


def benchmarks() -> list[Benchmark]:
    """The shapes that the reference networks are made of."""
    return [
        conv("pointwise 64-64 25x5", (25, 5, 64), 64, (1, 1)),
        conv("pointwise 16-96 8x8", (8, 8, 16), 96, (1, 1)),
        conv("depthwise 3x3 64 25x5", (25, 5, 64), 64, (3, 3), pad=1, depthwise=True),
        conv("depthwise 3x3 16 24x24 s2", (24, 24, 16), 16, (3, 3), stride=2, pad=1, depthwise=True),
        conv("conv 10x4 1-64 49x10 s2", (49, 10, 1), 64, (10, 4), stride=2, pad=1),
        conv("conv 3x3 3-8 48x48 s2", (48, 48, 3), 8, (3, 3), stride=2, pad=1),
        conv("conv 3x3 16-32 16x16", (16, 16, 16), 32, (3, 3), pad=1),
        conv("conv 3x3 16-32 4x4", (4, 4, 16), 32, (3, 3), pad=1),
        conv("conv 3x3 f32 16-16 8x8", (8, 8, 16), 16, (3, 3), pad=1, t=f32),
        conv("depthwise 3x3 f32 16 16x16", (16, 16, 16), 16, (3, 3), pad=1, depthwise=True, t=f32),
        matmul("fc 1x640x128", 1, 128, 640),
        matmul("fc 1x640x128 transposed", 1, 128, 640, transposed=True),
        matmul("matmul 64x64x64", 64, 64, 64),
        matmul("matmul 64x64x64 transposed", 64, 64, 64, transposed=True),
        matmul("matmul 7x10x30", 7, 10, 30),
        matmul("matmul f32 32x32x64", 32, 32, 64, t=f32),
        matmul("matmul f32 32x32x64 transposed", 32, 32, 64, transposed=True, t=f32),
        max_pool("max pool 2x2 32 16x16", (16, 16, 32)),
        elementwise("add i8 64x64", (64, 64), (0, 1), 2, i8),
        elementwise("add f32 64x64", (64, 64), (0, 1), 2, f32),
        elementwise("transpose i8 64x64", (64, 64), (1, 0), 1, i8),
        *(row(function, 16, 64) for function in RowFunction),
    ]  # fmt: skip


def call(number: int, case: KernelCase, arena: str) -> tuple[str, str]:
    """A prototype and a call with operands that lie one behind the other in an arena."""
    types = [c_type(element_type_of(a.dtype)) for a in case.arrays]
    offset, passed = 0, list[str]()
    for array, t in zip(case.arrays, types, strict=True):
        passed.append(f"({t} *)({arena} + {offset})")
        offset += -(-array.nbytes // 8) * 8
    assert offset <= L1_BYTES, (number, offset)
    const = ["const "] * (len(types) - 1) + [""]
    prototype = ", ".join(f"{q}{t} *restrict" for q, t in zip(const, types, strict=True))
    return f"void k{number}({prototype});", f"k{number}({', '.join(passed)});"


def on_siracusa(
    cases: Sequence[Benchmark], folder: Path, instructions: InstructionTable | None
) -> list[tuple[int, int]]:
    """Cycles and instructions of each kernel on one core, warm, with the instructions of a table."""
    calls = [call(n, b.case, "arena") for n, b in enumerate(cases)]
    (folder / "kernels.c").write_text(kernels_source([b.case.op for b in cases], RV32, instructions))
    timed = "".join(f"  {c}\n  dm_region_begin({n});\n  {c}\n  dm_region_end({n});\n" for n, (_, c) in enumerate(calls))
    (folder / "main.c").write_text(
        '#include "deeploy/platform.h"\n#include <stdbool.h>\n'
        + "\n".join(p for p, _ in calls)
        + f"\nDM_L1 static char arena[{L1_BYTES}] DM_ALIGN(8);\n"
        + f"static void work(void) {{\n  if (dm_core_id()) return;\n{timed}}}\n"
        + "int main(void) {\n  dm_cluster_run(work);\n  return 0;\n}\n"
    )
    kernels = RUNTIME / "kernels"
    image, sources = folder / "image.elf", [folder / "kernels.c", folder / "main.c", *kernels.glob("*.c")]
    SIRACUSA.build(sources, [kernels], image, configuration_of(load_soc("siracusa")))
    simulator = Simulator()
    simulator.load(image.read_bytes())
    result = simulator.run(1 << 32)
    if result.fault is not None:
        raise SystemExit(str(result.fault))
    return [(r.cores[0].cycles, r.cores[0].instructions) for n in range(len(cases)) for r in [result.regions[n]]]


def on_host(cases: Sequence[Benchmark], folder: Path) -> list[int]:
    """Instructions of each kernel under callgrind, called functions included."""
    calls = [call(n, b.case, "arena") for n, b in enumerate(cases)]
    (folder / "host_kernels.c").write_text(kernels_source([b.case.op for b in cases], HOST))
    (folder / "host_main.c").write_text(
        "#include <stdint.h>\n#include <stdbool.h>\n"
        + "\n".join(p for p, _ in calls)
        + f"\nstatic char arena[{L1_BYTES}] __attribute__((aligned(8)));\n"
        + "int main(void) {\n" + "\n".join(c for _, c in calls) + "\n  return 0;\n}\n"
    )  # fmt: skip
    kernels = RUNTIME / "kernels"
    subprocess.run([
        "gcc", "-std=c11", "-O3", f"-I{kernels}", str(folder / "host_kernels.c"), str(folder / "host_main.c"),
        *map(str, kernels.glob("*.c")), "-o", str(folder / "host"),
    ], check=True)  # fmt: skip
    out = folder / "callgrind.out"
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(folder / "host")],
        check=True,
        capture_output=True,
    )
    text = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {int(m[2]): int(m[1].replace(",", "")) for m in re.finditer(r"^\s*([\d,]+) .*[:?]k(\d+) ", text, re.M)}
    return [found[n] for n in range(len(cases))]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", action="store_true")
    parser.add_argument("--siracusa", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--instructions", help="a table of instructions that kernels use, such as xpulpv2")
    parser.add_argument("--source", type=Path)
    options = parser.parse_args()
    both = options.host == options.siracusa
    table = instruction_tables()[options.instructions] if options.instructions else None
    cases = [b for b in benchmarks() if options.only in b.name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.source or Path(temporary)
        folder.mkdir(exist_ok=True)
        host = on_host(cases, folder) if both or options.host else [0] * len(cases)
        target = on_siracusa(cases, folder, table) if both or options.siracusa else [(0, 0)] * len(cases)
    print("| kernel | operations | host insns | a op | core insns | a op | core cycles | a op |")
    print("|---|---|---|---|---|---|---|---|")
    for b, h, (cycles, insns) in zip(cases, host, target, strict=True):
        print(
            f"| {b.name} | {b.work} | {h} | {h / b.work:.2f} | {insns} | {insns / b.work:.2f} "
            f"| {cycles} | {cycles / b.work:.2f} |"
        )


if __name__ == "__main__":
    main()
