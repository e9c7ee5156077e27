"""The named pass pipelines, as the strings that `deeploy-opt -p` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass, PassPipeline
from xdsl.universe import Universe
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.machine.registry import target_names
from deeploy_mlir.support.errors import DeeployError, one_of
from deeploy_mlir.support.progress import doing
from deeploy_mlir.universe import UNIVERSE

Observer: TypeAlias = Callable[[ModulePass | None, ModuleOp, ModulePass | None], None]
"""Called with the pass that just ran (None before the first), the module, and the next pass (None after the last)."""


REQUANTIZE = {"exact": None, "fixed-point": True}
"""Ways to requantise, and the `fixed-point` of the passes that it concerns; None is their own."""

MATH: dict[str, tuple[str, ...]] = {"exact": (), "fast": ("deeploy-approximate-math",)}
"""Ways to compute elementary functions, and the passes that each adds."""


@dataclass(frozen=True)
class PipelineOptions:
    """What a user chooses about the lowering of a network.

    `l1`, `l2`, `wmem` and `ram` are byte budgets for the memories of that name; None means the whole memory of the
    target. A `wmem` of 0 keeps all weights out of the weight memory. `memories` has budgets for memories by any name.
    `without_engines`: engines of the target that are left out.
    `requantize`: `exact` computes requantisation of QDQ networks as ONNX defines it, on integers where they equal
    that; `fixed-point` always on integers, for cores without FPU, off by at most one in the last place where none do.
    `math`: `exact` computes elementary functions to about one unit in the last place; `fast` exp, tanh and erf by small
    approximations (the runtime's dm_fast.h).
    Raises DeeployError for a target or one of these ways that is not known.
    """

    target: str = "siracusa"
    l1: int | None = None
    l2: int | None = None
    wmem: int | None = None
    ram: int | None = None
    memories: tuple[tuple[str, int], ...] = ()
    without_engines: tuple[str, ...] = ()
    double_buffer: bool = True
    requantize: str = "exact"
    math: str = "exact"

    def __post_init__(self) -> None:
        if self.target not in target_names():
            raise DeeployError(f"unknown target '{self.target}'; choose {one_of(sorted(target_names()))}")
        if self.requantize not in REQUANTIZE:
            raise DeeployError(f"unknown --requantize '{self.requantize}'; choose {one_of(REQUANTIZE)}")
        if self.math not in MATH:
            raise DeeployError(f"unknown --math '{self.math}'; choose {one_of(MATH)}")


QDQ = "deeploy-qdq-to-integer"
CHOOSE = "deeploy-choose-requantization"

GRAPH = (
    "deeploy-fold-constants",
    "deeploy-fold-batch-norm",
    QDQ,
    "deeploy-expand-functions",
    "deeploy-fold-constants{dequantize=true}",
    "deeploy-simplify-graph",
)
"""Graph level: standard operators on tensors, integers made explicit."""

KERNELS = (
    "convert-onnx-to-kernel",
    "deeploy-channels-last",
    "deeploy-sink-transposes",
    "deeploy-fuse-epilogues",
    CHOOSE,
    "deeploy-narrow-arithmetic",
    "deeploy-split-reductions",
    "deeploy-remove-dead-globals",
)
"""Kernel level: structured operators with epilogues."""


def _with_options(name: str, **options: str | int | bool | None) -> str:
    """`name{a=1 b=true}`, options that are None left out."""
    words = [
        f"{key.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in options.items()
        if value is not None
    ]
    return f"{name}{{{' '.join(words)}}}" if words else name


def pipeline_for(options: PipelineOptions) -> str:
    """The pipeline from an imported network to C for `options.target`."""
    fixed_point = REQUANTIZE[options.requantize]
    passes = (
        _with_options(
            "deeploy-attach-soc",
            target=options.target,
            l1=options.l1,
            l2=options.l2,
            wmem=options.wmem,
            ram=options.ram,
            sizes=f'"{",".join(f"{name}={size}" for name, size in options.memories)}"' if options.memories else None,
            without=f'"{",".join(options.without_engines)}"' if options.without_engines else None,
        ),
        *(_with_options(p, fixed_point=fixed_point) if p in (QDQ, CHOOSE) else p for p in (*GRAPH, *KERNELS)),
        "convert-kernel-to-tiled",
        _with_options("deeploy-plan", double_buffer=options.double_buffer),
        "convert-tiled-to-mem",
        "deeploy-insert-dma",
        "deeploy-insert-offload",
        "deeploy-pipeline-dma",
        "convert-mem-to-cluster",
        "deeploy-verify-plan",
        "convert-cluster-to-c",
        *MATH[options.math],
    )
    return ",".join(passes)


def _verify(module: ModuleOp) -> None:
    """Raises DeeployError that names the node if what came of one is wrong."""
    try:
        module.verify()
    except VerifyException as error:
        for op in module.walk():
            layer = op.properties.get("layer")
            if isinstance(layer, StringAttr):
                try:
                    op.verify(verify_nested_ops=False)
                except VerifyException as found:
                    raise DeeployError(
                        f"cannot be compiled with these inputs and attributes: {found}", layer.data
                    ) from error
        raise


def run_pipeline(module: ModuleOp, pipeline: str, observer: Observer | None = None) -> None:
    """Runs a pipeline on the module, in place, verifying it before and after every conversion between levels.

    With an `observer` it is verified after every pass, as `deeploy-opt` does: `observer(previous, module, following)`
    sees the verified module before the first pass and after each."""
    everywhere = Universe.get_multiverse()
    context = Context()
    for name, dialect in (everywhere.all_dialects | UNIVERSE.all_dialects).items():
        context.register_dialect(name, dialect)

    number = count(1)
    passes = everywhere.all_passes | UNIVERSE.all_passes

    def verify(previous: ModulePass | None, current: ModuleOp, following: ModulePass | None) -> None:
        if following is not None:
            doing(f"{following.name}: pass", next(number), len(chain.passes))
        conversion = any(p is not None and p.name.startswith("convert-") for p in (previous, following))
        if observer is not None or conversion:
            _verify(current)
        if observer is not None:
            observer(previous, current, following)

    chain = PassPipeline.parse_spec(passes, pipeline, verify)
    chain.apply(context, module)
