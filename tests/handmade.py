"""A program written by hand, so that the outside of the compiler can be tested without its inside."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.ir.plan_report import MemoryUse, Plan, SolverReport, Step, Traffic
from deeploy_mlir.machine.platform import Configuration, DmaLimits
from deeploy_mlir.program.network import Network, TensorInfo
from deeploy_mlir.program.program import Program

HEADER = """\
#ifndef TRIPLE_H
#define TRIPLE_H
#include <stdint.h>
extern uint8_t triple_input_0[8];
extern float triple_input_1[2];
extern int32_t triple_output_0[8];
extern float triple_output_1[2];
void triple_run(void);
#endif
"""

SOURCE = """\
#include "triple.h"

#include "deeploy/platform.h"

DM_L2_NOINIT uint8_t triple_input_0[8];
DM_L2_NOINIT float triple_input_1[2];
DM_L2_NOINIT int32_t triple_output_0[8];
DM_L2_NOINIT float triple_output_1[2];
DM_L1 DM_ALIGN(8) static uint8_t in[8];
DM_L1 DM_ALIGN(8) static int32_t out[8];

static void on_every_core(void) {
  uint32_t core = dm_core_id();
  if (core == 0) dm_dma_wait(DM_DMA_MCHAN, dm_dma_start_in(DM_DMA_MCHAN, in, triple_input_0, 8, 0, 0));
  dm_barrier();
  for (uint32_t i = core; i < 8; i += DM_CORES) out[i] = 3 * in[i] - 100;
  dm_barrier();
  if (core == 0) dm_dma_wait(DM_DMA_MCHAN, dm_dma_start_out(DM_DMA_MCHAN, triple_output_0, out, 32, 0, 0));
}

void triple_run(void) {
  dm_cluster_run(on_every_core);
  for (int i = 0; i < 2; i++) triple_output_1[i] = triple_input_1[i] * 0.5f;
}
"""

NETWORK = Network(
    "triple",
    (TensorInfo("x", "uint8", (2, 4)), TensorInfo("y/scale", "float32", (2,))),
    (TensorInfo("out", "int32", (2, 4)), TensorInfo("half", "float32", (2,))),
)

PLAN = Plan(
    memory=(MemoryUse("l1", 40, 65536), MemoryUse("l2", 96, 2031616)),
    traffic=(Traffic("l2", "l1", 8), Traffic("l1", "l2", 32)),
    cycles=120,
    solver=SolverReport(120.0, 118.0, 2 / 120, 0.01),
    steps=(Step("Mul_0", "map", "8", 40, 120),),
)


DMA = (DmaLimits("mchan", 16, 2, 131071),)
ONE_CORE = Configuration(1, ("ram",), dmas=DMA)
CLUSTER = Configuration(8, ("l1", "l2", "wmem"), 512, DMA)


def triple(target: str = "siracusa", source: str = SOURCE) -> Program:
    """out = 3 x - 100 on the cluster, through L1 by DMA (of which a host has none); half = y / 2 on the host core."""
    if target == "generic":
        source = source.replace("DM_L1 ", "").replace("DM_L2_NOINIT ", "")
    return Program(
        network=NETWORK,
        target=target,
        module=ModuleOp([]),
        plan=PLAN,
        sources={"triple.h": HEADER, "triple.c": source},
        pipeline="",
        compile_seconds=0.25,
        configuration=ONE_CORE if target == "generic" else CLUSTER,
    )
