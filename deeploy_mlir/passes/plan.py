"""`deeploy-plan`: decides tiles, loop orders, buffering, homes and offsets, and writes them into the IR.

One integer program over the whole network (see `planning/choice.py`), then offsets in each memory. The module carries
the plan's figures in the attribute `deeploy.plan` (`deeploy_mlir.ir.plan_report`)."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from deeploy_mlir.ir.plan_report import attach_plan
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.passes.planning.from_ir import plan_functions, read_problem
from deeploy_mlir.passes.planning.planner import plan
from deeploy_mlir.passes.planning.problem import Options
from deeploy_mlir.passes.planning.to_ir import report_of, write_plan
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class PlanPass(ModulePass):
    """Plans the nests of the module's network for the SoC that the module names.

    Raises DeeployError where no plan fits the memories, naming layer, tensors and the smallest memory that would do."""

    name = "deeploy-plan"
    double_buffer: bool = True
    """Whether operands may have two buffers, so that transfers overlap computation."""
    gap: float = 1e-4
    """Relative gap to the optimum at which the solver may stop."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        functions = plan_functions(op)
        if len(functions) > 1:
            names = ", ".join(f.sym_name.data for f in functions)
            raise DeeployError(f"several networks in one module ({names}) cannot be planned together yet")
        for function in functions:
            source = read_problem(function, system)
            result = plan(source.problem, Options(double_buffer=self.double_buffer, gap=self.gap))
            report = report_of(source, result)
            write_plan(source, result)
            attach_plan(op, report)
