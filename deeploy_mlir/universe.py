"""Lazy tables of our dialects, passes and targets, for `xdsl-opt`, `deeploy-opt` and library users.

Nothing here imports more than xDSL's own universe class: a table entry is resolved when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from xdsl.universe import Universe

DIALECTS: dict[str, str] = {
    "onnx": "onnx:Onnx",
    "qnn": "qnn:Qnn",
    "kernel": "kernel:Kernel",
    "tiled": "tiled:Tiled",
    "mem": "mem:Mem",
    "dma": "dma:Dma",
    "offload": "offload:Offload",
    "cluster": "cluster:Cluster",
    "soc": "soc:Soc",
    "c": "c:C",
}
"""Dialect name -> module under `deeploy_mlir.dialects` and the name of its `Dialect` object."""

PASSES: dict[str, str] = {
    "deeploy-expand-functions": "passes.expand_functions:ExpandFunctionsPass",
    "deeploy-fold-batch-norm": "passes.fold_batch_norm:FoldBatchNormPass",
    "deeploy-fold-constants": "passes.fold_constants:FoldConstantsPass",
    "deeploy-qdq-to-integer": "passes.qdq_to_integer:QdqToIntegerPass",
    "deeploy-simplify-graph": "passes.simplify_graph:SimplifyGraphPass",
    "convert-onnx-to-kernel": "lowering.onnx_to_kernel:ConvertOnnxToKernelPass",
    "deeploy-channels-last": "passes.channels_last:ChannelsLastPass",
    "deeploy-sink-transposes": "passes.sink_transposes:SinkTransposesPass",
    "deeploy-fuse-epilogues": "passes.fuse_epilogues:FuseEpiloguesPass",
    "deeploy-choose-requantization": "passes.choose_requantization:ChooseRequantizationPass",
    "deeploy-narrow-arithmetic": "passes.narrow_arithmetic:NarrowArithmeticPass",
    "deeploy-split-reductions": "passes.split_reductions:SplitReductionsPass",
    "deeploy-remove-dead-globals": "passes.remove_dead_globals:RemoveDeadGlobalsPass",
    "deeploy-attach-soc": "passes.attach_soc:AttachSocPass",
    "convert-kernel-to-tiled": "lowering.kernel_to_tiled:ConvertKernelToTiledPass",
    "deeploy-fuse-nests": "passes.fuse_nests:FuseNestsPass",
    "deeploy-plan": "passes.plan:PlanPass",
    "deeploy-verify-plan": "passes.verify_plan:VerifyPlanPass",
    "convert-tiled-to-mem": "lowering.tiled_to_mem:ConvertTiledToMemPass",
    "deeploy-insert-dma": "passes.insert_dma:InsertDmaPass",
    "deeploy-insert-offload": "passes.insert_offload:InsertOffloadPass",
    "deeploy-pipeline-dma": "passes.pipeline_dma:PipelineDmaPass",
    "convert-mem-to-cluster": "lowering.mem_to_cluster:ConvertMemToClusterPass",
    "convert-cluster-to-c": "lowering.cluster_to_c:ConvertClusterToCPass",
    "deeploy-approximate-math": "passes.approximate_math:ApproximateMathPass",
}
"""Pass name -> module under `deeploy_mlir` and the name of its `ModulePass` class."""

TARGETS: dict[str, str] = {
    "c": "lowering.print_c:CTarget",
}
"""Target name -> module under `deeploy_mlir` and the name of its `Target` class."""


def _lazy(package: str, path: str) -> Callable[[], Any]:
    module, attribute = path.split(":")

    def load() -> Any:
        return getattr(import_module(f"{package}.{module}"), attribute)

    return load


UNIVERSE = Universe(
    all_dialects={name: _lazy("deeploy_mlir.dialects", path) for name, path in DIALECTS.items()},
    all_passes={name: _lazy("deeploy_mlir", path) for name, path in PASSES.items()},
    all_targets={name: _lazy("deeploy_mlir", path) for name, path in TARGETS.items()},
)
