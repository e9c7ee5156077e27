from __future__ import annotations

from typing import Any

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser

from deeploy_mlir.ir.plan_report import Plan, SolverReport, attach_plan, from_plain, plan_of, to_plain
from deeploy_mlir.pipelines import PipelineOptions, pipeline_for
from deeploy_mlir.support.errors import DeeployError

from .handmade import PLAN


def test_the_plan_survives_printing_and_parsing_of_the_ir() -> None:
    module = ModuleOp([])
    assert plan_of(module) is None
    attach_plan(module, PLAN)
    context = Context()
    context.load_dialect(Builtin)
    assert plan_of(Parser(context, str(module)).parse_module()) == PLAN


def test_a_plan_without_a_solver_survives_too() -> None:
    plan = Plan(memory=(), traffic=(), cycles=0)
    module = ModuleOp([])
    attach_plan(module, plan)
    assert plan_of(module) == plan
    assert from_plain(Plan, to_plain(plan)) == plan


@pytest.mark.parametrize(
    "data",
    [
        {"memory": [], "traffic": [], "cycles": "many"},
        {"memory": {}, "traffic": [], "cycles": 1},
        {"memory": [["l1", 1, 2]], "traffic": [], "cycles": 1},
        {"traffic": [], "cycles": 1},
        {"memory": "l1", "traffic": [], "cycles": 1},
    ],
)
def test_data_of_another_form_are_refused(data: Any) -> None:
    with pytest.raises(TypeError):
        from_plain(Plan, data)


def test_whole_numbers_are_floats_too_where_a_float_is_due() -> None:
    report = from_plain(SolverReport, {"objective": 3, "bound": 3.0, "gap": 0, "seconds": 1})
    assert report == SolverReport(3.0, 3.0, 0.0, 1.0)
    assert isinstance(report.objective, float)


def test_options_appear_in_the_pipeline() -> None:
    spec = pipeline_for(PipelineOptions("siracusa", l1=65536, double_buffer=False))
    assert "deeploy-attach-soc{target=siracusa l1=65536}" in spec
    assert "double-buffer=false" in spec
    assert spec.startswith("deeploy-attach-soc")
    assert spec.endswith("convert-cluster-to-c")
    assert "double-buffer=true" in pipeline_for(PipelineOptions("siracusa"))


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(DeeployError, match=r"unknown target 'abacus'; choose .*generic.* or siracusa"):
        PipelineOptions("abacus")
