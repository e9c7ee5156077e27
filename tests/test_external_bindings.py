"""A kernel binding of an installed package outside this one: chosen by cost, called, and right."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import deeploy_mlir
from deeploy_mlir.interpreters.each_pass import EachPass
from deeploy_mlir.machine.registry import load_soc

ENTRY_POINTS = """[deeploy_mlir.kernels]
generic = acme_kernels
siracusa = acme_kernels
"""

BINDINGS = """
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from deeploy_mlir.dialects.kernel.base import shape_of
from deeploy_mlir.dialects.kernel.ops import MatmulOp
from deeploy_mlir.dialects.mem import strides_of
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.binding import KernelBinding, Library
from deeploy_mlir.kernels.generated import dynamic_arguments, kernel_signature
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import CoreSplit


@dataclass(frozen=True)
class Columns(Packing):
    # Four columns of the weights in a row: [columns / 4, inner * 4]; what is missing of the last block is 0.

    dim: int = 1
    block: int = 4

    def pack(self, plain):
        inner, columns = plain.shape
        padded = np.pad(plain, ((0, 0), (0, -columns % 4)))
        return padded.reshape(inner, -1, 4).transpose(1, 0, 2).reshape(-1, inner * 4).view(np.uint8)

    def unpack(self, packed, shape):
        blocks = packed.view(np.int8).reshape(len(packed), -1, 4).transpose(1, 0, 2)
        return blocks.reshape(blocks.shape[0], -1)[:, : shape[1]]


@dataclass(frozen=True)
class Product(KernelBinding):
    name: str
    engine: str
    cycles_per_mac: float

    def accepts(self, op):
        if not isinstance(op, MatmulOp) or len(op.dims()) != 3 or op.body is not None:
            return "takes plain products of two matrices"
        return [str(v.type.element_type) for v in op.operands_accessed] == ["i8", "i8", "i32"] or "takes int8"

    def constraints(self, op):
        return TileConstraints(multiples=(4, 4, 1), maxima=(12, 0, 0))

    def packings(self, op):
        return {1: Columns()}

    def scratch(self, op, sizes):
        return 4 * sizes[2]

    def splits(self, op, sizes, cores):
        return (CoreSplit((0,), (cores,)),)

    def cost(self, op):
        return lambda sizes, split: round(prod(split.largest_share(sizes)) * self.cycles_per_mac) + 10

    def emit(self, op, name):
        function = kernel_signature(op, name)
        b, given = CBuilder(function.body.block), list(function.body.block.args)
        sizes = {(a.operand, a.axis): v for a, v in zip(dynamic_arguments(op), given[3:-1], strict=True)}
        for operand, value in enumerate(op.operands_accessed):
            for axis, size in enumerate(shape_of(value)):
                sizes.setdefault((operand, axis), size)
        strides = [strides_of(v.type) for v in op.operands_accessed]
        b.call(
            "acme_product",
            [*given[:3], sizes[2, 0], sizes[2, 1], sizes[0, 1], strides[0][0], strides[2][0], given[-1]],
        )
        return function

    @property
    def library(self):
        return Library("acme", Path(__file__).parent / "c", ("product.h",))


BINDINGS = (Product("acme_core", "core", PRICE), Product("acme_cluster", "cluster", PRICE))
"""

HEADER = """#include <stdint.h>
void acme_product(const int8_t *a, const uint8_t *b, int32_t *out, int32_t rows, int32_t columns, int32_t inner,
                  int32_t a_row, int32_t out_row, uint8_t *scratch);
"""

SOURCE = """#include "product.h"
void acme_product(const int8_t *a, const uint8_t *b, int32_t *out, int32_t rows, int32_t columns, int32_t inner,
                  int32_t a_row, int32_t out_row, uint8_t *scratch) {
  int32_t *row = (int32_t *)scratch; /* widened */
  for (int32_t i = 0; i < rows; i++) {
    for (int32_t k = 0; k < inner; k++) row[k] = a[i * a_row + k];
    for (int32_t j = 0; j < columns; j++) {
      int32_t sum = 0;
      for (int32_t k = 0; k < inner; k++) sum += row[k] * (int8_t)b[(j / 4 * inner + k) * 4 + j % 4];
      out[i * out_row + j] = sum;
    }
  }
}
"""


def install(folder: Path, price: float) -> None:
    """Writes the package and what an installer says of it."""
    files = {
        "acme_kernels/__init__.py": BINDINGS.replace("PRICE", str(price)),
        "acme_kernels/c/product.h": HEADER,
        "acme_kernels/c/product.c": SOURCE,
        "acme_kernels-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-kernels\nVersion: 1.0\n",
        "acme_kernels-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def product(weights: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> onnx.ModelProto:
    """y = x @ weights on integers, for x of 30 rows."""
    inner, columns = weights.shape
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"], "fc")
    x = helper.make_tensor_value_info("x", TensorProto.INT8, [30, inner])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, [30, columns])
    graph = helper.make_graph([node], "product", [x], [y], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("target", ["generic", "siracusa"])
@pytest.mark.parametrize(("price", "called"), [(0.01, True), (1000.0, False)])
def test_is_called_where_it_is_cheaper(
    target: str, price: float, called: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", price)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.delitem(sys.modules, "acme_kernels", raising=False)
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (96, 60), np.int8)
    x = rng.integers(-128, 128, (30, 96), np.int8)
    accelerators = [engine.symbol for engine in load_soc(target).engines if engine.asynchronous]
    program = deeploy_mlir.compile(
        product(weights), target=target, name="product", without_engines=accelerators, observer=EachPass({"x": x})
    )
    assert ("acme_product(" in program.sources["product.c"]) == called
    assert ("uint8_t *restrict scratch" in program.sources["product.c"]) == called
    assert ("30 by" in program.plan.steps[0].tiles) == called  # at most 12 rows at a time
    folder = program.save(tmp_path / "out")
    assert (folder / "runtime/kernels/acme/product.c").exists() == called
    (y,) = program.run({"x": x}).values()
    np.testing.assert_array_equal(y, x.astype(np.int32) @ weights.astype(np.int32))
    monkeypatch.delitem(sys.modules, "acme_kernels")
