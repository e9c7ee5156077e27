"""`--verify-each-by-running`: a pass that changes what the network computes is named."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, i64
from xdsl.passes import ModulePass, PassPipeline
from xdsl.rewriter import Rewriter
from xdsl.universe import Universe

from deeploy_mlir import api, cli
from deeploy_mlir.dialects.cluster import BarrierOp
from deeploy_mlir.dialects.dma import WaitOp
from deeploy_mlir.dialects.kernel import ConvOp
from deeploy_mlir.dialects.mem import ViewOp
from deeploy_mlir.interpreters.each_pass import EachPass, differing, interface_of
from deeploy_mlir.program.network import TensorInfo
from deeploy_mlir.support.errors import DeeployError, OutputsDifferError
from deeploy_mlir.universe import UNIVERSE

from .network_levels import STAGES, context, lowered, network, ops_of, pipeline_to, sample
from .peer_suite import all_leaves, suite, within

QUICK = 60_000
"""Multiply-accumulates up to which a leaf is run by default."""


@dataclass(frozen=True)
class DropPass(ModulePass):
    """Drops the first operation of a kind."""

    name = "drop"
    kind: type[Any] = WaitOp

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        Rewriter.erase_op(ops_of(op, self.kind)[0])


@dataclass(frozen=True)
class ShiftPass(ModulePass):
    """Moves the last view of an arena by four bytes."""

    name = "shift"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        view = ops_of(op, ViewOp)[-1]
        view.offsets = DenseArrayBase.from_list(i64, [o + 4 for o in view.offsets.get_values()])


@dataclass(frozen=True)
class PadsPass(ModulePass):
    """Moves the padding of a convolution: a wrong transformation on the kernel level."""

    name = "pads"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        ops_of(op, ConvOp)[1].pads = DenseArrayBase.from_list(i64, [0, 1, 2, 1])


def run_with(*broken: ModulePass, last: str = STAGES[-1]) -> None:
    """The pipeline up to `last` and then `broken`, every pass checked."""
    everywhere = Universe.get_multiverse()
    check = EachPass({"x": sample()})
    known = everywhere.all_passes | UNIVERSE.all_passes
    pipeline = PassPipeline.parse_spec(known, pipeline_to(last))
    PassPipeline((*pipeline.passes, *broken), check).apply(context(), network())


def test_the_pipeline_keeps_the_outputs() -> None:
    run_with()


@pytest.mark.parametrize("kind", [WaitOp, BarrierOp])
def test_a_dropped_operation_is_caught(kind: type[Any]) -> None:
    with pytest.raises(OutputsDifferError, match="after drop the program does not run: "):
        run_with(DropPass(kind))


def test_a_shifted_offset_is_caught() -> None:
    with pytest.raises(OutputsDifferError, match="after shift "):
        run_with(ShiftPass(), last="convert-tiled-to-mem")


def test_a_wrong_transformation_is_caught_with_the_place() -> None:
    message = (
        r"after pads output z differs first at index \[0, 0, 0, 0\]: -?\d+ instead of -?\d+; "
        r"\d+ of 1568 elements differ"
    )
    with pytest.raises(OutputsDifferError) as error:
        run_with(PadsPass(), last="deeploy-attach-soc")
    assert re.fullmatch(message, str(error.value))


def test_the_pass_that_did_it_is_named() -> None:
    """Not the passes before it, and not those after."""
    everywhere = Universe.get_multiverse()
    passes = PassPipeline.parse_spec(everywhere.all_passes | UNIVERSE.all_passes, pipeline_to(STAGES[-1])).passes
    ran: list[str] = []
    check = EachPass({"x": sample()})

    def observe(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        ran.append(previous.name if previous is not None else "")
        check(previous, module, following)

    broken = (*passes[:-1], DropPass(), passes[-1])
    with pytest.raises(OutputsDifferError, match="after drop"):
        PassPipeline(broken, observe).apply(context(), network())
    assert ran == ["", *(p.name for p in passes[:-1]), "drop"]


@pytest.mark.parametrize("stage", STAGES)
def test_inputs_and_outputs_are_known_on_every_level(stage: str) -> None:
    interface = interface_of(lowered(stage))
    assert interface.name == "net"
    assert interface.inputs == (TensorInfo("x", "int8", (1, 14, 14, 4)),)
    assert interface.outputs == (TensorInfo("z", "int32", (1, 14, 14, 8)),)


def test_inputs_that_do_not_fit_are_an_error_of_their_own() -> None:
    with pytest.raises(DeeployError, match="int8") as error:
        EachPass({"x": sample().astype(np.int16) * 300})(None, network(), None)
    assert not isinstance(error.value, OutputsDifferError)


def test_floats_may_differ_a_little_and_integers_not_at_all() -> None:
    want = np.array([1000.0, 0.0, np.nan, np.inf], np.float32)
    got = np.array([1000.005, 0.02, np.nan, -np.inf], np.float32)
    assert differing(got, want).tolist() == [False, True, False, True]
    assert differing(np.array([1, 2]), np.array([1, 3])).tolist() == [False, True]


# -- the commands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """y = relu(x W) with an input."""
    weights = np.random.default_rng(1).standard_normal((16, 24)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["m"]), onnx.helper.make_node("Relu", ["m"], ["y"])],
        "fc",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [40, 16])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [40, 24])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    (tmp_path / "fc.onnx").write_bytes(proto.SerializeToString())
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(2).standard_normal((40, 16)).astype(np.float32))
    np.savez(tmp_path / "wrong.npz", x=np.zeros(3, np.float32))
    return tmp_path / "fc.onnx"


def test_compile_checks_each_pass(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = model.parent
    command = ["compile", str(model), "--target", "siracusa", "--l1", "12KiB", "-o", str(folder / "out")]
    assert cli.main([*command, "--verify-each-by-running", str(folder / "x.npz")]) == 0
    assert "after convert-cluster-to-c: on the C level, which is not interpreted" in capsys.readouterr().err
    assert cli.main([*command, "--verify-each-by-running", str(folder / "wrong.npz")]) == 2


def test_compile_ends_with_status_1_where_outputs_differ(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model.parent
    monkeypatch.setattr("deeploy_mlir.passes.pipeline_dma.PipelineDmaPass.apply", DropPass.apply)
    monkeypatch.setattr("deeploy_mlir.passes.pipeline_dma.PipelineDmaPass.kind", WaitOp, raising=False)
    command = ["compile", str(model), "--target", "siracusa", "--l1", "12KiB", "-o", str(folder / "out")]
    assert cli.main([*command, "--verify-each-by-running", str(folder / "x.npz")]) == 1
    message = capsys.readouterr().err
    assert "deeploy: error: after deeploy-pipeline-dma the program does not run: " in message
    assert not (folder / "out").exists()


def deeploy_opt(*arguments: str, text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deeploy_mlir.tools.deeploy_opt", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def test_deeploy_opt_checks_each_pass(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=sample())
    check = ["--verify-each-by-running", str(tmp_path / "x.npz")]
    good = str(lowered("deeploy-insert-dma"))
    ran = deeploy_opt("-p", "deeploy-pipeline-dma,convert-mem-to-cluster", *check, text=good)
    assert ran.returncode == 0, ran.stderr
    assert "cluster.run" in ran.stdout
    # Two waits for the same transfer: the program is wrong before any pass.
    token = re.search(r"dma\.wait %\w+ : [^\n]*", good)
    assert token is not None
    bad = good.replace(token[0], f"{token[0]}\n{token[0]}", 1)
    ran = deeploy_opt("-p", "deeploy-pipeline-dma", *check, text=bad)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("deeploy-opt: error: before the first pass the program does not run: ")
    assert "a second time" in ran.stderr
    assert "Traceback" not in ran.stderr


# -- real networks -----------------------------------------------------------------------------------------------------


def leaves() -> list[Any]:
    """Every leaf; what is not quick is marked slow."""
    return [
        pytest.param(
            leaf.path, id=leaf.path, marks=[] if leaf.macs <= QUICK and leaf.nodes <= 5 else [pytest.mark.slow]
        )
        for leaf in all_leaves()
    ]


@pytest.mark.skipif(not all_leaves(), reason=f"the peer suite is not at {suite()}; set DEEPLOY_SHARED")
@pytest.mark.parametrize("path", leaves())
def test_the_peer_suite_pass_by_pass(path: str) -> None:
    folder = suite() / path
    within(
        12 * 1024,
        lambda l1: api.compile(
            folder / "network.onnx",
            l1=l1,
            types_from=folder / "inputs.npz",
            observer=EachPass(folder / "inputs.npz"),
        ),
    )
