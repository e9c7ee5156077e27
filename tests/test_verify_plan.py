"""The checker accepts what the pipeline makes and rejects every way of breaking it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import pytest
from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.arith import ConstantOp
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.passes import PassPipeline
from xdsl.rewriter import Rewriter
from xdsl.universe import Universe

from deeploy_mlir.dialects.cluster import BarrierOp, RunOp
from deeploy_mlir.dialects.dma import NoneOp, StartOp, WaitOp
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import ArenaOp, StepOp, ViewOp
from deeploy_mlir.dialects.soc import DmaOp
from deeploy_mlir.ir.plan_report import attach_plan, plan_of
from deeploy_mlir.passes.verify_plan import verify_plan
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.universe import UNIVERSE

CONV = (
    "layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, "
    "dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>"
)
NETWORK = f"""
builtin.module @net {{
  ml_program.global private @w1(dense<1> : tensor<12x3x3x4xi8>) : tensor<12x3x3x4xi8>
  ml_program.global private @w2(dense<1> : tensor<8x3x3x12xi8>) : tensor<8x3x3x12xi8>
  func.func @net(%x: tensor<1x14x14x4xi8>) -> tensor<1x14x14x8xi32> {{
    %w1 = ml_program.global_load_const @w1 : tensor<12x3x3x4xi8>
    %w2 = ml_program.global_load_const @w2 : tensor<8x3x3x12xi8>
    %e = tensor.empty() : tensor<1x14x14x12xi8>
    %f = tensor.empty() : tensor<1x14x14x8xi32>
    %y = kernel.conv ins(%x, %w1 : tensor<1x14x14x4xi8>, tensor<12x3x3x4xi8>) outs(%e : tensor<1x14x14x12xi8>)
      {{layer = "first", {CONV}}} {{
      ^bb0(%a : i32):
        %b = kernel.cast %a : i32 to i8
        kernel.yield %b : i8
      }} -> tensor<1x14x14x12xi8>
    %z = kernel.conv ins(%y, %w2 : tensor<1x14x14x12xi8>, tensor<8x3x3x12xi8>) outs(%f : tensor<1x14x14x8xi32>)
      {{layer = "second", {CONV}}} -> tensor<1x14x14x8xi32>
    func.return %z : tensor<1x14x14x8xi32>
  }}
}}
"""


def run_passes(module: ModuleOp, pipeline: str) -> None:
    everywhere = Universe.get_multiverse()
    PassPipeline.parse_spec(everywhere.all_passes | UNIVERSE.all_passes, pipeline).apply(Context(), module)
    module.verify()


def compiled(target: str = "siracusa", l1: int | None = 9_400, double_buffer: bool = True) -> ModuleOp:
    """The network on the level that the checker reads."""
    context = Context()
    everywhere = Universe.get_multiverse()
    for name, dialect in (everywhere.all_dialects | UNIVERSE.all_dialects).items():
        context.register_dialect(name, dialect)
    module = Parser(context, NETWORK).parse_module()
    size = f" l1={l1}" if l1 is not None else ""
    cores = ' without="neureka"' if target == "siracusa" else ""
    run_passes(module, f"deeploy-attach-soc{{target={target}{size}{cores}}}")
    for dma in ops_of(module, DmaOp):
        dma.properties["bytes_per_cycle"] = IntegerAttr(1, i64)  # so slow that double buffering pays
    run_passes(
        module,
        "convert-kernel-to-tiled,"
        f"deeploy-plan{{double-buffer={str(double_buffer).lower()}}},convert-tiled-to-mem,deeploy-insert-dma,"
        "deeploy-pipeline-dma,convert-mem-to-cluster",
    )
    return module


def ops_of(module: ModuleOp, *kinds: type[Operation]) -> list[Operation]:
    return [op for op in module.walk() if isinstance(op, kinds)]


@pytest.mark.parametrize(
    ("target", "l1", "double_buffer"),
    [
        ("siracusa", 9_400, True),
        ("siracusa", 9_400, False),
        ("siracusa", 6_900, True),
        ("siracusa", 65_536, True),
        ("generic", None, True),
    ],
)
def test_accepts_the_pipeline(target: str, l1: int | None, double_buffer: bool) -> None:
    module = compiled(target, l1, double_buffer)
    observed, plan = verify_plan(module), plan_of(module)
    assert plan is not None
    # The bytes moved are exactly those that the planner counted.
    assert dict(observed.moved) == {(t.source, t.destination): t.bytes for t in plan.traffic}
    assert all(observed.used[m.name] <= m.used <= m.capacity for m in plan.memory)
    assert l1 is None or observed.used["l1"] > 8 * 640  # the stacks are counted


def test_the_network_has_what_the_mutations_change() -> None:
    module = compiled()
    assert len(ops_of(module, WaitOp)) >= 6
    assert len(ops_of(module, BarrierOp)) >= 4
    assert any(len(v.offsets.get_values()) == 2 for v in ops_of(module, ViewOp) if isinstance(v, ViewOp))


def redundant_barriers(module: ModuleOp) -> int:
    """How many of the barriers can be left out one at a time without the checker noticing."""
    accepted = 0
    for number in range(len(ops_of(module, BarrierOp))):
        mutant = module.clone()
        Rewriter.erase_op(ops_of(mutant, BarrierOp)[number])
        try:
            verify_plan(mutant)
        except DeeployError:
            continue
        accepted += 1
    return accepted


def test_barriers_are_needed() -> None:
    module = compiled()
    assert redundant_barriers(module) < len(ops_of(module, BarrierOp)) / 2
    without = module.clone()
    for barrier in ops_of(without, BarrierOp):
        Rewriter.erase_op(barrier)
    with pytest.raises(DeeployError, match="barrier"):
        verify_plan(without)


@pytest.mark.parametrize("double_buffer", [True, False])
def test_every_missing_wait_is_noticed(double_buffer: bool) -> None:
    module = compiled(double_buffer=double_buffer)
    for number in range(len(ops_of(module, WaitOp))):
        mutant = module.clone()
        Rewriter.erase_op(ops_of(mutant, WaitOp)[number])
        with pytest.raises(DeeployError, match=r"waited for|not yet brought"):
            verify_plan(mutant)


def test_every_missing_transfer_is_noticed() -> None:
    module = compiled()
    for number in range(len(ops_of(module, StartOp))):
        mutant = module.clone()
        start = cast(StartOp, ops_of(mutant, StartOp)[number])
        Rewriter.replace_op(start, NoneOp(start.dma))
        with pytest.raises(DeeployError, match=r"read before it is written|overwritten"):
            verify_plan(mutant)


def test_every_missing_kernel_is_noticed() -> None:
    module = compiled()
    for number in range(len(ops_of(module, KernelOp))):
        mutant = module.clone()
        Rewriter.erase_op(ops_of(mutant, KernelOp)[number])
        with pytest.raises(DeeployError, match=r"read before it is written|overwritten"):
            verify_plan(mutant)


def places(module: ModuleOp) -> list[tuple[str, int]]:
    """(step, offset) of everything in the L1 arena."""
    found: list[tuple[str, int]] = []
    for step in ops_of(module, StepOp):
        assert isinstance(step, StepOp)
        for view in step.walk():
            if isinstance(view, ViewOp) and view.arena.root_reference.data == "net_l1":
                found += [(step.layer.data, offset) for offset in view.offsets.get_values()]
    return list(dict.fromkeys(found))


def move(module: ModuleOp, layer: str, old: int, new: int) -> None:
    """Moves a buffer of a step to another offset, in every view of it."""
    for step in ops_of(module, StepOp):
        if not isinstance(step, StepOp) or step.layer.data != layer:
            continue
        for view in [v for v in step.walk() if isinstance(v, ViewOp)]:
            offsets = [new if offset == old else offset for offset in view.offsets.get_values()]
            view.offsets = DenseArrayBase.from_list(i64, offsets)


def test_buffers_put_on_top_of_each_other_are_noticed() -> None:
    module = compiled()
    layers: dict[str, list[int]] = {}
    for layer, offset in places(module):
        layers.setdefault(layer, []).append(offset)
    tried = 0
    for layer, offsets in layers.items():
        for old in offsets:
            for new in offsets:
                if old != new:
                    mutant = module.clone()
                    move(mutant, layer, old, new)
                    with pytest.raises(DeeployError):
                        verify_plan(mutant)
                    tried += 1
    assert tried >= 6


def shrink_arena(module: ModuleOp) -> None:
    arena = ops_of(module, ArenaOp)[0]
    assert isinstance(arena, ArenaOp)
    arena.size = IntegerAttr(arena.size.value.data - 8, i64)


def shift_views(module: ModuleOp) -> None:
    for view in ops_of(module, ViewOp):
        assert isinstance(view, ViewOp)
        view.offsets = DenseArrayBase.from_list(i64, [o + 1 for o in view.offsets.get_values()])


def shrink_memory(module: ModuleOp) -> None:
    memory = next(op for op in module.walk() if op.name == "soc.memory")
    memory.properties["size"] = IntegerAttr(6000, i64)


def overstate_plan(module: ModuleOp) -> None:
    plan = plan_of(module)
    assert plan is not None
    attach_plan(module, replace(plan, memory=tuple(replace(m, used=m.used - 8) for m in plan.memory)))


def all_cores_transfer(module: ModuleOp) -> None:
    for start in ops_of(module, StartOp):
        assert isinstance(start, StartOp)
        Rewriter.replace_op(start, StartOp(start.dma, start.source, start.destination))


def wrong_share(module: ModuleOp) -> None:
    """Every core thinks that it is core 0."""
    (run,) = ops_of(module, RunOp)
    assert isinstance(run, RunOp)
    zero = ConstantOp.from_int_and_width(0, run.core.type)  # pyright: ignore[reportArgumentType]
    first = run.body.block.first_op
    assert first is not None
    run.body.block.insert_op_before(zero, first)
    run.core.replace_all_uses_with(zero.result)


def grow_subviews(module: ModuleOp) -> None:
    for view in ops_of(module, memref.SubviewOp):
        assert isinstance(view, memref.SubviewOp)
        sizes = [s if s < 0 else int(s) + 1 for s in view.static_sizes.get_values()]
        view.properties["static_sizes"] = DenseArrayBase.from_list(i64, sizes)


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (shrink_arena, "leaves arena"),
        (shift_views, "not aligned"),
        (shrink_memory, r"bytes in l1 of 6000"),
        (overstate_plan, "the plan says"),
        (all_cores_transfer, "started by cores"),
        (wrong_share, "core"),
        (grow_subviews, "touches elements"),
    ],
)
def test_rejects(mutate: Callable[[ModuleOp], None], message: str) -> None:
    module = compiled()
    mutate(module)
    with pytest.raises(DeeployError, match=message):
        verify_plan(module)


def test_messages_name_the_layer() -> None:
    module = compiled()
    waits: Sequence[Operation] = ops_of(module, WaitOp)
    Rewriter.erase_op(waits[-1])
    with pytest.raises(DeeployError) as caught:
        verify_plan(module)
    assert caught.value.node in ("first", "second", None)
    assert "transfer" in str(caught.value)
