"""Each attribute of `soc` and each member of a kernel binding is read by the compiler: changing it changes what the
user gets, the plan, its cost, the C, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.arith import AddiOp
from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import VerifyException

import deeploy_mlir
from deeploy_mlir.dialects import c, soc
from deeploy_mlir.dialects.kernel import KernelOp, MatmulOp, YieldOp, shape_of
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.binding import BroughtConstant, Form, KernelBinding, Library
from deeploy_mlir.kernels.generated import kernel_signature
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.machine.platform import Configuration, configuration_of
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa import kernels as siracusa_kernels

L1 = 16 * 1024
"""Bytes, stacks included: the products below have several tiles, and transfers of several rows."""
L2 = 64 * 1024
"""Bytes: less than the network's tensors take."""


def network() -> onnx.ModelProto:
    """Two products of int8 matrices, of which the weights do not fit L2 beside the program."""
    rng = np.random.default_rng(0)
    weights = [rng.integers(-128, 128, shape, np.int8) for shape in ((64, 96), (96, 32))]
    nodes = [
        helper.make_node("MatMulInteger", ["x", "w0"], ["h32"], "first"),
        helper.make_node("Cast", ["h32"], ["h"], "narrow", to=TensorProto.INT8),
        helper.make_node("MatMulInteger", ["h", "w1"], ["y"], "second"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.INT8, [96, 64])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, [96, 32])
    graph = helper.make_graph(
        nodes, "net", [x], [y], [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


class Change:
    """Changes the system once it is attached."""

    def __init__(self, change: Callable[[soc.SystemOp], object]) -> None:
        self.change = change
        self.configuration: Configuration | None = None
        """What the changed system asks of generated code and the platform (dm_config.h)."""

    def __call__(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        if previous is not None and previous.name == "deeploy-attach-soc":
            system = next(op for op in module.ops if isinstance(op, soc.SystemOp))
            self.change(system)
            self.configuration = configuration_of(system)


def outcome(change: Callable[[soc.SystemOp], object] = lambda system: None, target: str = "siracusa") -> object:
    """What the user gets: the plan, without the time that it took, and the C; or the refusal."""
    changing = Change(change)
    try:
        without = ("neureka",) if target == "siracusa" else ()
        limits: dict[str, int | str] = {"l1": L1, "l2": L2} if target == "siracusa" else {}
        program = deeploy_mlir.compile(
            network(), target, memories=limits, without_engines=without, name="net", observer=changing
        )
    except (DeeployError, VerifyException) as error:
        return str(error)
    plan = program.plan
    return plan.cycles, plan.memory, plan.traffic, plan.steps, program.sources, changing.configuration


def integer(value: int) -> Attribute:
    return IntegerAttr(value, i64)


PARTS: dict[type[soc.PartOp], str] = {
    soc.MemoryOp: "l2",
    soc.DmaOp: "mchan",
    soc.EngineOp: "cluster",
    soc.HostOp: "fabric_controller",
}
"""The part of Siracusa whose attributes are changed, unless the table names another."""

CHANGES: dict[tuple[type[soc.PartOp], str], tuple[str | None, Attribute | None]] = {
    (soc.MemoryOp, "size"): ("l1", integer(12 * 1024)),
    (soc.MemoryOp, "align"): ("l1", integer(256)),
    (soc.MemoryOp, "address"): (None, integer(0x10000000)),
    (soc.MemoryOp, "weights_only"): ("wmem", None),
    (soc.DmaOp, "bytes_per_cycle"): (None, integer(1)),
    (soc.DmaOp, "startup_cycles"): (None, integer(3000)),
    (soc.DmaOp, "max_dims"): (None, integer(1)),
    (soc.DmaOp, "max_bytes"): (None, integer(64)),
    (soc.DmaOp, "channels"): (None, integer(1)),
    (soc.DmaOp, "one_way"): (None, UnitAttr()),
    (soc.DmaOp, "same_as"): ("mchan_weights", None),
    (soc.EngineOp, "cores"): (None, integer(2)),
    (soc.EngineOp, "memory"): (None, SymbolRefAttr("l2")),
    (soc.EngineOp, "weights"): ("core", None),
    (soc.EngineOp, "stack_bytes"): (None, integer(1024)),
    (soc.EngineOp, "kernels"): (None, ArrayAttr([StringAttr("generic")])),
    (soc.EngineOp, "instructions"): (None, None),
    (soc.EngineOp, "asynchronous"): (None, UnitAttr()),
    (soc.HostOp, "memory"): (None, SymbolRefAttr("wmem")),
    (soc.HostOp, "program_bytes"): (None, integer(L2 - 20 * 1024)),
}
"""For each option of each part: the part's name, and another value (None: left out)."""
GENERIC = ((soc.EngineOp, "weights"),)
"""What is changed of the target `generic`, whose engine computes where the host's data is."""


def test_the_table_has_every_attribute() -> None:
    assert set(CHANGES) == {(part, option) for part in PARTS for option in part.OPTIONS}


@pytest.fixture(scope="module")
def unchanged() -> object:
    result = outcome()
    assert not isinstance(result, str), result
    return result


@pytest.mark.parametrize(("part", "option"), CHANGES, ids=lambda x: x if isinstance(x, str) else x.name)
def test_an_attribute_of_the_soc_counts(part: type[soc.PartOp], option: str, unchanged: object) -> None:
    name, value = CHANGES[part, option]

    def change(system: soc.SystemOp) -> None:
        found = next(op for op in system.body.block.ops if isinstance(op, part) and op.symbol == (name or PARTS[part]))
        assert found.properties.get(option) != value
        if value is None:
            del found.properties[option]
        else:
            found.properties[option] = value

    if (part, option) in GENERIC:
        assert outcome(change, "generic") != outcome(target="generic")
    else:
        assert outcome(change) != unchanged


FAST_ROWS = 13
"""A number of rows that no balanced tiling has."""


@dataclass(frozen=True)
class Rows(Packing):
    """Columns of a second operand as rows of bytes."""

    dim: int | None = 1

    def pack(self, plain: Array) -> Array:
        return np.ascontiguousarray(plain.T).view(np.uint8)

    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        return packed.view(np.int8).T


class Wrapped(KernelBinding):
    """The generated kernels at a twentieth of their cost, and a tenth of that for `FAST_ROWS` rows."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.generated = siracusa_kernels.BINDINGS[0]
        self.members = members
        self.name = members.get("name", "wrapped")
        self.engine = members.get("engine", "cluster")

    def _member(self, name: str, default: Any) -> Any:
        return self.members.get(name, default)

    def accepts(self, op: KernelOp) -> bool | str:
        return self._member("accepts", True)

    def form(self, op: KernelOp) -> Form | None:
        return self._member("form", no_form)(op)

    def with_instructions(self, table: InstructionTable) -> Sequence[KernelBinding]:
        return self._member("with_instructions", ())

    def functions_called(self, function: c.FuncOp) -> Sequence[c.FuncOp]:
        return self._member("functions_called", ())

    @property
    def preamble(self) -> str | None:
        return self._member("preamble", None)

    def constraints(self, op: KernelOp) -> TileConstraints:
        return self._member("constraints", TileConstraints()) if isinstance(op, MatmulOp) else TileConstraints()

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        return self._member("multiples", (1,) * len(op.iteration_space().dims))

    def splits(self, op: KernelOp, sizes: Sequence[int], cores: int) -> Sequence[CoreSplit]:
        return self._member("splits", super().splits(op, sizes, cores))

    def scratch(self, op: KernelOp, sizes: Sequence[int]) -> int:
        return self._member("scratch", 0)

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        return self._member("packings", {})

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        cycles, factor = self.generated.cost(op), self._member("cost", 0.05)
        return lambda sizes, split: round(cycles(sizes, split) * factor * (1 if sizes[0] % FAST_ROWS else 0.1))

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        generated = nothing if op.packed or op.scratch is not None else self.generated.emit
        return self._member("emit", generated)(op, name)

    @property
    def library(self) -> Library | None:
        return self._member("library", None)


def nothing(op: KernelOp, name: str) -> c.FuncOp:
    return kernel_signature(op, name)


def calling(op: KernelOp, name: str) -> c.FuncOp:
    function = kernel_signature(op, name)
    CBuilder(function.body.block).call("called", [])
    return function


def no_form(op: KernelOp) -> Form | None:
    return None


def with_an_added_constant(op: KernelOp) -> Form | None:
    """A product that adds a constant of the binding's own to each row."""
    if not isinstance(op, MatmulOp) or op.body is not None:
        return None
    columns = shape_of(op.out)[-1]
    block = Block(arg_types=[*(v.type for v in op.ins), TensorType(i32, [columns]), op.out.type])
    body = Block(arg_types=[i32, i32])
    added = AddiOp(body.args[0], body.args[1])
    body.add_ops([added, YieldOp(added.result)])
    a, b, extra, out = block.args
    rows = AffineMap.from_callable(lambda m, n: (n,))
    kernel = MatmulOp([a, b], out, layer=op.layer.data, extras=[extra], extra_maps=[rows], body=Region(body))
    return Form(kernel, (0, 1, BroughtConstant("added", np.zeros(columns, np.int32), i32), 2))


MEMBERS: dict[str, Any] = {
    "form": with_an_added_constant,
    "with_instructions": (Wrapped({"name": "by_table", "cost": 0.01}),),
    "functions_called": (c.FuncOp("called", [], None, ["static"]),),
    "preamble": "#include <stdint.h>",
    "name": "generated_rv32",
    "engine": "fabric_controller",
    "accepts": False,
    "constraints": TileConstraints(maxima=(8, 0, 0)),
    "multiples": (FAST_ROWS, 1, 1),
    "splits": (ONE_CORE,),
    "scratch": 64,
    "packings": {1: Rows()},
    "cost": 10.0,
    "emit": nothing,
    "library": Library("acme", Path(__file__).parent, ("acme.h",)),
}
"""For each member of a binding, another value."""
BESIDE: dict[str, Any] = {"functions_called": {"emit": calling}}
"""What else the binding has, with and without the change."""


def test_the_table_has_every_member() -> None:
    assert set(MEMBERS) == {*KernelBinding.__annotations__, *(m for m in vars(KernelBinding) if m[0] != "_")}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_of_a_binding_counts(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = siracusa_kernels.BINDINGS
    results: list[object] = []
    for members in ({}, {member: MEMBERS[member]}):
        members |= BESIDE.get(member, {})
        monkeypatch.setattr(siracusa_kernels, "BINDINGS", generated)
        monkeypatch.setattr(siracusa_kernels, "BINDINGS", (*generated, Wrapped(members)))
        results.append(outcome())
    assert results[0] != results[1]
