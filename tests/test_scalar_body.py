"""Every scalar operation in C against its meaning on numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, bf16, f16, f32, f64, i1, i32, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.kernel import CastOp, MapOp, YieldOp
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.kernels.generated import RV32
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.testing.kernel_cases import KernelCase, i8, i16, make_case, ui8
from deeploy_mlir.testing.native import Native, run_cases

SIZE = 64
SANITIZED = Native(flags=("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
rng = np.random.default_rng(5)


def operand(t: Attribute) -> Array:
    """Extreme and small values of a type."""
    dtype = numpy_dtype(t)
    if dtype == np.bool_:
        return rng.random(SIZE) < 0.5
    if dtype.kind not in "iu":
        return (rng.standard_normal(SIZE) * np.where(rng.random(SIZE) < 0.3, 100, 1)).astype(dtype)
    info = np.iinfo(dtype)
    values = rng.integers(-9, 10, SIZE) if info.min else rng.integers(0, 10, SIZE)
    wide = rng.integers(info.min, info.max, SIZE, dtype, endpoint=True)
    return np.where(rng.random(SIZE) < 0.5, values, wide).astype(dtype)


def case_of(op: Operation, types: Sequence[Attribute], arrays: list[Array], block: Block) -> KernelCase:
    """A map that applies one operation."""
    block.add_op(op)
    value: SSAValue = op.results[0]
    block.add_op(YieldOp(value))
    identity = ArrayAttr([AffineMapAttr(AffineMap.identity(1))] * len(types))
    out = np.zeros(SIZE, numpy_dtype(value.type))
    body = Region(block)
    return make_case(
        lambda i, e, o: MapOp(i, o, layer="map", body=body, properties={"maps": identity}), arrays, [], out
    )


def check(cases: list[KernelCase], tmp_path: Path, rtol: float = 0.0) -> None:
    for case, actual in zip(cases, run_cases(cases, RV32, tmp_path, SANITIZED), strict=True):
        expected = run_kernel_op(case.op, case.arrays)
        if rtol:
            np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-7, err_msg=str(case.op))
            continue
        if actual.dtype.kind not in "iub":
            actual, expected = actual.astype(np.float64), expected.astype(np.float64)
        np.testing.assert_array_equal(actual, expected, err_msg=str(case.op))


def test_integers(tmp_path: Path):
    kinds = [
        arith.AddiOp, arith.SubiOp, arith.MuliOp, arith.AndIOp, arith.OrIOp, arith.XOrIOp, arith.MinSIOp,
        arith.MaxSIOp, arith.MinUIOp, arith.MaxUIOp, arith.DivSIOp, arith.DivUIOp, arith.RemSIOp, arith.RemUIOp,
        arith.FloorDivSIOp, arith.CeilDivSIOp, arith.ShLIOp, arith.ShRSIOp, arith.ShRUIOp,
    ]  # fmt: skip
    cases: list[KernelCase] = []
    for t in (i8, i16, i32, i64):
        for kind in kinds:
            block = Block(arg_types=[t, t])
            a, b = operand(t), operand(t)
            if kind in (arith.ShLIOp, arith.ShRSIOp, arith.ShRUIOp):
                b = rng.integers(0, 8 * a.itemsize, SIZE).astype(a.dtype)
            if "Div" in kind.__name__ or "Rem" in kind.__name__:
                b = np.where(b == 0, 1, b).astype(a.dtype)
            cases.append(case_of(kind(block.args[0], block.args[1]), [t, t], [a, b], block))
        for predicate in range(10):
            block = Block(arg_types=[t, t])
            op = arith.CmpiOp(block.args[0], block.args[1], predicate)
            cases.append(case_of(op, [t, t], [operand(t), operand(t)], block))
    check(cases, tmp_path)


def test_floats(tmp_path: Path):
    kinds = [
        arith.AddfOp, arith.SubfOp, arith.MulfOp, arith.DivfOp, arith.MaximumfOp, arith.MinimumfOp,
        arith.MaxnumfOp, arith.MinnumfOp,
    ]  # fmt: skip
    cases: list[KernelCase] = []
    for t in (f32, f64):
        for kind in kinds:
            block = Block(arg_types=[t, t])
            arrays = [operand(t), operand(t)]
            if kind not in (arith.AddfOp, arith.SubfOp, arith.MulfOp, arith.DivfOp):
                arrays[0][:4], arrays[1][2:6] = np.nan, np.nan
            cases.append(case_of(kind(block.args[0], block.args[1]), [t, t], arrays, block))
        for predicate in range(16):
            block = Block(arg_types=[t, t])
            arrays = [np.round(operand(t)), np.round(operand(t))]
            arrays[0][:4], arrays[1][2:6] = np.nan, np.nan
            cases.append(case_of(arith.CmpfOp(block.args[0], block.args[1], predicate), [t, t], arrays, block))
        for rounding in (math.CeilOp, math.FloorOp, math.TruncOp, math.RoundOp, math.RoundEvenOp, math.AbsFOp):
            block = Block(arg_types=[t])
            x = operand(t)
            x[:9] = [0.5, 1.5, 2.5, -0.5, -1.5, 1e20, -3.0, 0.0, 2.4999]
            cases.append(case_of(rounding(block.args[0]), [t], [x], block))
    check(cases, tmp_path)


def test_elementary_functions(tmp_path: Path):
    cases: list[KernelCase] = []
    for function in (
        math.ExpOp, math.ExpM1Op, math.TanhOp, math.ErfOp, math.SinOp, math.CosOp, math.TanOp, math.AtanOp,
        math.SinhOp, math.CoshOp, math.AsinhOp,
    ):  # fmt: skip
        block = Block(arg_types=[f32])
        cases.append(case_of(function(block.args[0]), [f32], [rng.standard_normal(SIZE).astype(np.float32)], block))
    for function in (math.LogOp, math.Log1pOp, math.SqrtOp, math.RsqrtOp):
        block = Block(arg_types=[f32])
        cases.append(case_of(function(block.args[0]), [f32], [np.abs(operand(f32)) + np.float32(0.1)], block))
    for function in (math.AsinOp, math.AcosOp, math.AtanhOp):
        block = Block(arg_types=[f32])
        cases.append(case_of(function(block.args[0]), [f32], [rng.uniform(-1, 1, SIZE).astype(np.float32)], block))
    check(cases, tmp_path, rtol=3e-6)


def test_conversions(tmp_path: Path):
    types = (i1, i8, ui8, i16, i32, i64, f32, f64, bf16, f16)
    cases: list[KernelCase] = []
    for source in types:
        for target in types:
            x = operand(source)
            if x.dtype.kind not in "iub":
                x[:6] = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9, 127.5]).astype(x.dtype)
            if source in (i64, f64) and target in (f16, bf16):
                continue  # rounded twice, through f32
            block = Block(arg_types=[source])
            cases.append(case_of(CastOp(block.args[0], target), [source], [x], block))
    check(cases, tmp_path)
