"""Every level runs on numpy, and what a program must not do is caught."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.cluster import BarrierOp
from deeploy_mlir.dialects.dma import NoneOp, StartOp, WaitOp
from deeploy_mlir.dialects.kernel import ConvOp
from deeploy_mlir.dialects.mem import CopyOp, ViewOp
from deeploy_mlir.dialects.tiled import BuffersAttr, EmptyOp, HomeAttr, NestOp
from deeploy_mlir.interpreters.run import Level, RunOptions, level_of, run_module
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .network_levels import ROOM, STAGES, lowered, network, ops_of, parse, run_passes, sample, weights

CLUSTER = "convert-mem-to-cluster"
BOTH = RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)


def reference() -> Array:
    """The two convolutions in plain numpy."""

    def convolve(image: Array, kernel: Array) -> Array:
        padded = np.pad(image.astype(np.int64), ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        return np.einsum("nhwcij,mijc->nhwm", windows, kernel.astype(np.int64))

    first, second = weights()
    return convolve(convolve(sample(), first).astype(np.int8), second).astype(np.int32)


CONFIGURATIONS = [
    ("siracusa", ROOM, True),
    ("siracusa", ROOM, False),
    ("siracusa", 1_800, True),
    ("siracusa", 60_000, True),
    ("generic", None, True),
]


@pytest.mark.parametrize(("target", "room", "double_buffer"), CONFIGURATIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_level_computes_the_network(stage: str, target: str, room: int | None, double_buffer: bool) -> None:
    module = lowered(stage, target, room, double_buffer)
    for options in BOTH if level_of(module) == Level.MEMORY else BOTH[:1]:
        (output,) = run_module(module, [sample()], options=options)
        np.testing.assert_array_equal(output, reference())


def test_levels_are_told_apart() -> None:
    assert level_of(network()) == Level.KERNEL
    assert [level_of(lowered(s)) for s in STAGES] == [*[Level.TILED] * 2, *[Level.MEMORY] * 4]


def caught(module: ModuleOp) -> str | None:
    """How running shows that the program is wrong: an error's text, or that the output differs."""
    for options in BOTH:
        try:
            (output,) = run_module(module, [sample()], options=options)
        except DeeployError as error:
            return str(error)
        if not np.array_equal(output, reference()):
            return "differs"
    return None


def without(kind: type[Operation], number: int) -> ModuleOp:
    """The program on the cluster without one of its operations."""
    module = lowered(CLUSTER)
    Rewriter.erase_op(ops_of(module, kind)[number])
    return module


@pytest.mark.parametrize("number", range(len(ops_of(lowered(CLUSTER), WaitOp))))
def test_a_missing_wait_is_caught(number: int) -> None:
    assert "waited for" in (caught(without(WaitOp, number)) or "nothing")


@pytest.mark.parametrize("number", range(len(ops_of(lowered(CLUSTER), BarrierOp))))
def test_a_missing_barrier_is_caught(number: int) -> None:
    message = caught(without(BarrierOp, number)) or "nothing"
    assert any(words in message for words in ("no barrier between them", "waited for", "never written"))


@pytest.mark.parametrize("number", range(len(ops_of(lowered(CLUSTER), StartOp))))
def test_a_missing_transfer_is_caught(number: int) -> None:
    module = lowered(CLUSTER)
    start = ops_of(module, StartOp)[number]
    Rewriter.replace_op(start, NoneOp(start.dma))
    assert caught(module) is not None


@pytest.mark.parametrize("shift", [-4, 4])
def test_a_shifted_view_is_caught(shift: int) -> None:
    shifted = 0
    for number in range(len(ops_of(lowered(CLUSTER), ViewOp))):
        module = lowered(CLUSTER)
        view = ops_of(module, ViewOp)[number]
        if sum(v.arena == view.arena and v.offsets == view.offsets for v in ops_of(module, ViewOp)) < 2:
            continue  # the only view of its place: it is free to lie elsewhere
        view.offsets = DenseArrayBase.from_list(i64, [o + shift for o in view.offsets.get_values()])
        assert caught(module) is not None
        shifted += 1
    assert shifted >= 4


def test_a_shifted_subview_is_caught() -> None:
    shifted = 0
    for number in range(len(ops_of(lowered("deeploy-insert-dma"), memref.SubviewOp))):
        module = lowered("deeploy-insert-dma")
        part = ops_of(module, memref.SubviewOp)[number]
        if not part.offsets:
            continue
        one = arith.ConstantOp(IntegerAttr.from_index_int_value(1))
        more = arith.AddiOp(part.offsets[0], one.result)
        Rewriter.insert_op([one, more], InsertPoint.before(part))
        part.operands[1] = more.result
        assert caught(module) is not None
        shifted += 1
    assert shifted >= 2


def test_a_wrong_origin_is_caught() -> None:
    module = lowered("convert-tiled-to-mem")
    kernel = next(k for k in ops_of(module, ConvOp) if k.local is not None)
    one = arith.ConstantOp(IntegerAttr.from_index_int_value(1))
    Rewriter.insert_op(one, InsertPoint.before(kernel))
    kernel.operands[len(kernel.operands) - 1] = one.result
    assert caught(module) is not None


def test_a_missing_copy_is_caught() -> None:
    for number in range(len(ops_of(lowered("convert-tiled-to-mem"), CopyOp))):
        module = lowered("convert-tiled-to-mem")
        Rewriter.erase_op(ops_of(module, CopyOp)[number])
        assert "never written" in (caught(module) or "nothing") or caught(module) == "differs"


# -- the plan ----------------------------------------------------------------------------------------------------------


def change_staging(module: ModuleOp, nest: int, operand: int, offsets: list[int]) -> None:
    op = ops_of(module, NestOp)[nest]
    assert op.buffers is not None
    buffers = list(op.buffers.data)
    buffers[operand] = BuffersAttr.through("l1", offsets)
    op.buffers = ArrayAttr(buffers)


def test_staging_buffers_that_overlap_are_caught() -> None:
    module = lowered("deeploy-plan")
    nest = ops_of(module, NestOp)[1]
    assert nest.buffers is not None
    weights_at = nest.buffers.data[1].offsets
    change_staging(module, 1, 0, list(weights_at) * len(nest.buffers.data[0].offsets))
    assert caught(module) is not None


def test_homes_that_overlap_are_caught() -> None:
    module = lowered("deeploy-plan", room=60_000)
    (inner,) = [e for e in ops_of(module, EmptyOp) if e.home is not None and e.home.offset is not None]
    assert inner.home is not None
    buffers = [
        o for n in ops_of(module, NestOp) for s in (n.buffers.data if n.buffers is not None else ()) for o in s.offsets
    ]
    inner.home = HomeAttr.at(inner.home.memory_name, buffers[0])
    assert inner.home.memory_name == "l1"
    assert caught(module) is not None


def test_tiles_larger_than_their_buffers_are_caught() -> None:
    module = lowered("deeploy-plan")
    nest = next(n for n in ops_of(module, NestOp) if n.loop_order is not None and n.loop_order.get_values())
    assert nest.tiles is not None
    tiles = list(nest.tiles.get_values())
    cut = next(i for i, (t, d) in enumerate(zip(tiles, nest.kernel.iteration_space().dims, strict=True)) if t < d.size)
    nest.tiles = DenseArrayBase.from_list(i64, [t + (i == cut) for i, t in enumerate(tiles)])
    # Larger tiles than the buffers were planned for run into what lies behind them.
    assert caught(module) is not None


# -- programs by hand --------------------------------------------------------------------------------------------------

SOC = """
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, channels = 2}
    soc.engine @cluster {cores = 4, memory = @l1, kernels = ["siracusa"]}
    soc.host @host {memory = @l2}
  }
"""
L1, L2 = "memref<16xi8, #soc.memory<@l1>>", "memref<16xi8, #soc.memory<@l2>>"


def boundary(kind: str) -> str:
    """The array of the network's only input or output."""
    properties = f'sym_name = "net_{kind}_0", type = {L2}, initial_value, sym_visibility = "public"'
    return f'"memref.global"() <{{{properties}}}> {{mem.role = #mem.role<{kind} 0 of @net "{kind}">}} : () -> ()'


def program(body: str, size: int = 64) -> ModuleOp:
    """A network of 16 bytes in and out around `body`, with `%in`, `%out` and four buffers `%b0` to `%b3` in L1."""
    buffers = "\n".join(f"%b{i} = mem.view @net_l1 {{offsets = array<i64: {16 * i}>}} : {L1}" for i in range(4))
    return parse(f"""
builtin.module @net {{
  {SOC}
  mem.arena @net_l1 {{network = @net, memory = @l1, size = {size} : i64, align = 8 : i64}}
  {boundary("input")}
  {boundary("output")}
  func.func @net() {{
    %in = memref.get_global @net_input_0 : {L2}
    %out = memref.get_global @net_output_0 : {L2}
    {buffers}
    {body}
    func.return
  }}
}}
""")


def run(body: str, options: RunOptions | None = None) -> Array:
    return run_module(program(body), [np.arange(16, dtype=np.int8)], options=options)[0]


def wait(token: str) -> str:
    return f"dma.wait {token} : !dma.token<@mover>"


def start(source: str, destination: str, condition: str = "") -> str:
    kinds = [L2 if name in ("%in", "%out") else L1 for name in (source, destination)]
    return f"dma.start @mover {source} to {destination} {condition} : {kinds[0]} to {kinds[1]}"


@pytest.mark.parametrize("options", BOTH)
def test_transfers_in_and_out(options: RunOptions) -> None:
    body = f"""
      %t = {start("%in", "%b0")}
      dma.wait %t : !dma.token<@mover>
      %u = {start("%b0", "%out")}
      dma.wait %u : !dma.token<@mover>"""
    np.testing.assert_array_equal(run(body, options), np.arange(16))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            f"%t = {start('%b0', '%out')}\n {wait('%t')}",
            "the transfer from net_l1 to net_output_0 reads byte 0 of net_l1 in @l1, which was never written",
        ),
        (
            f"%t = {start('%in', '%b0')}\n mem.copy %b0 to %b1 : {L1} to {L1}\n {wait('%t')}",
            "mem.copy reads byte 0 of net_l1 in @l1 before transfer 1 from net_input_0 to net_l1 was waited for",
        ),
        (
            f"%t = {start('%in', '%b0')}\n %u = {start('%in', '%b0')}\n {wait('%t')}\n {wait('%u')}",
            "writes byte 0 of net_l1 in @l1 before transfer 1 from net_input_0 to net_l1 was waited for",
        ),
        (
            f"%t = {start('%in', '%b0')}\n {wait('%t')}\n %u = {start('%b0', '%out')}\n %v = {start('%in', '%b0')}",
            "writes byte 0 of net_l1 in @l1 before the transfer that reads it was waited for",
        ),
        (
            f"%t = {start('%in', '%b0')}\n {wait('%t')}\n {wait('%t')}",
            "dma.wait waits for transfer 1 a second time",
        ),
        (f"%t = {start('%in', '%b0')}", "the transfer from net_input_0 to net_l1 is never waited for"),
        (
            "\n".join(f"%t{i} = {start('%in', f'%b{i}')}" for i in range(3)),
            "the transfer from net_input_0 to net_l1 is one more than the 2 transfers that @mover takes",
        ),
        ("", "whoever takes output 0 reads byte 0 of net_output_0 in @l2, which was never written"),
    ],
)
def test_what_a_program_must_not_do(body: str, message: str) -> None:
    for options in BOTH:
        with pytest.raises(DeeployError) as caught_error:
            run(body, options)
        assert message in str(caught_error.value)


def test_constants_are_not_written() -> None:
    text = str(program(f"mem.copy %in to %out : {L2} to {L2}"))
    zeros = f"initial_value = dense<0> : tensor<16xi8>, sym_visibility = {chr(34)}private{chr(34)}, constant"
    wrong = text.replace('type = memref<16xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"', "OUT")
    head, middle, tail = wrong.split("OUT")
    kept = 'type = memref<16xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"'
    tail = tail.replace('#mem.role<output 0 of @net "output">', '#mem.role<constant 0 of @net "weights">')
    module = parse(head + kept + middle + f"type = {L2}, {zeros}" + tail)
    with pytest.raises(DeeployError, match=r"mem\.copy writes the constant net_output_0"):
        run_module(module, [np.arange(16, dtype=np.int8)])


# -- cores -------------------------------------------------------------------------------------------------------------


def on_cores(body: str) -> str:
    return f"""
      %t = {start("%in", "%b0")}
      dma.wait %t : !dma.token<@mover>
      cluster.run @cluster do {{
      ^bb0(%core: index):
        %zero = arith.constant 0 : index
        %one = arith.constant 1 : index
        %first = arith.cmpi eq, %core, %zero : index
        %second = arith.cmpi eq, %core, %one : index
        {body}
      }}
      %u = {start("%b1", "%out")}
      dma.wait %u : !dma.token<@mover>"""


def copy(source: str, destination: str, condition: str = "") -> str:
    return f"mem.copy {source} to {destination} {condition} : {L1} to {L1}"


@pytest.mark.parametrize("options", BOTH)
def test_cores_hand_over_at_barriers(options: RunOptions) -> None:
    body = f"""
      {copy("%b0", "%b2", "if %first")}
      cluster.barrier
      {copy("%b2", "%b1", "if %second")}"""
    np.testing.assert_array_equal(run(on_cores(body), options), np.arange(16))


@pytest.mark.parametrize("options", BOTH)
@pytest.mark.parametrize(
    "body",
    [
        copy("%b0", "%b1"),  # all write the same
        f"{copy('%b0', '%b1', 'if %first')} {copy('%b2', '%b1', 'if %second')}",
        f"{copy('%b0', '%b2', 'if %first')} {copy('%b3', '%b0', 'if %second')}",
        f"{copy('%b3', '%b0', 'if %first')} {copy('%b0', '%b2', 'if %second')}",
    ],
)
def test_a_race_is_caught_in_either_order(body: str, options: RunOptions) -> None:
    filled = f"{copy('%b0', '%b2', 'if %first')} {copy('%b0', '%b3', 'if %first')} cluster.barrier {body}"
    with pytest.raises(DeeployError) as race:
        run(on_cores(filled), options)
    assert re.fullmatch(
        r"core \d: mem.copy (reads|writes) byte \d+ of net_l1 in @l1 that (core \d|another core) (reads|writes) "
        "with no barrier between them",
        str(race.value),
    )


@pytest.mark.parametrize("options", BOTH)
def test_reading_alike_is_no_race(options: RunOptions) -> None:
    """Each core copies the same four bytes to a place of its own."""
    strided = "memref<4xi8, strided<[1], offset: ?>, #soc.memory<@l1>>"
    body = f"""
      %four = arith.constant 4 : index
      %low = arith.muli %core, %four : index
      %from = memref.subview %b0[4] [4] [1] : {L1} to memref<4xi8, strided<[1], offset: 4>, #soc.memory<@l1>>
      %part = memref.subview %b1[%low] [4] [1] : {L1} to {strided}
      mem.copy %from to %part : memref<4xi8, strided<[1], offset: 4>, #soc.memory<@l1>> to {strided}"""
    np.testing.assert_array_equal(run(on_cores(body), options), [4, 5, 6, 7] * 4)


def test_cores_that_miss_each_other_are_caught() -> None:
    with pytest.raises(DeeployError, match="core 0 waits at a barrier in no step, core 1 has ended: they never meet"):
        run(on_cores("scf.if %first {\n cluster.barrier\n }"))


def test_an_error_on_a_core_ends_all_of_them() -> None:
    before = threading.active_count()
    with pytest.raises(DeeployError, match="never written"):
        run(on_cores(f"cluster.barrier\n {copy('%b3', '%b1', 'if %second')}\n cluster.barrier"))
    assert threading.active_count() == before


def test_inputs_must_fit() -> None:
    module = lowered(CLUSTER)
    wrong: list[tuple[list[Array], str]] = [
        ([], "takes 1 inputs, got 0"),
        ([sample().astype(np.int16)], "input 0 is int8"),
        ([sample()[:, :1]], "input 0 is int8"),
    ]
    for inputs, message in wrong:
        with pytest.raises(DeeployError, match=message):
            run_module(module, inputs)


def test_modules_on_the_c_level_are_not_interpreted() -> None:
    module = lowered(CLUSTER)
    run_passes(module, "convert-cluster-to-c")
    assert level_of(module) == Level.C
    with pytest.raises(DeeployError, match="runs by being compiled"):
        run_module(module, [sample()])
