"""Plans of real networks: within budget, proven, exactly as much traffic as counted."""

from __future__ import annotations

import pytest

from deeploy_mlir import api
from deeploy_mlir.ir.plan_report import Plan, plan_of
from deeploy_mlir.passes.verify_plan import verify_plan
from deeploy_mlir.pipelines import pipeline_for, run_pipeline

from .peer_suite import suite

NETWORKS = (
    "Models/MLPerf/KeywordSpotting",
    "Models/MLPerf/AnomalyDetection",
    "Models/CNN_Linear1",
    "Models/miniMobileNetv2",
    "Models/CCT/FP32/CCT_1_16_16_8",
)

pytestmark = pytest.mark.skipif(not suite().is_dir(), reason="the peer suite is not here (DEEPLOY_SHARED)")


def planned(name: str, l1: str, double_buffer: bool) -> Plan:
    """The plan of a network of the suite, checked on the level of transfers and cores."""
    folder = suite() / name
    module = api.import_network(folder / "network.onnx", api.import_options(types_from=folder / "inputs.npz"))
    pipeline = pipeline_for(api.pipeline_options("siracusa", l1, None, double_buffer))
    run_pipeline(module, pipeline.split(",deeploy-verify-plan")[0])
    observed, plan = verify_plan(module), plan_of(module)
    assert plan is not None
    assert dict(observed.moved) == {(t.source, t.destination): t.bytes for t in plan.traffic}
    for memory in plan.memory:
        assert observed.used[memory.name] <= memory.used <= memory.capacity
    return plan


@pytest.mark.parametrize("name", NETWORKS)
def test_plans_of_networks(name: str) -> None:
    cycles: list[int] = []
    for l1, double_buffer in (("64KiB", True), ("16KiB", True), ("16KiB", False)):
        plan = planned(name, l1, double_buffer)
        assert plan.memory[0].capacity == api.parse_size(l1)
        assert plan.solver is not None
        assert plan.solver.gap <= 1e-4
        assert plan.solver.bound <= plan.cycles
        assert sum(step.cycles for step in plan.steps) == plan.cycles
        cycles.append(plan.cycles)
    assert cycles[0] <= cycles[1] <= cycles[2]
