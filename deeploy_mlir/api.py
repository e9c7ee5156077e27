"""The library call: an ONNX model to a `Program`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.ir.plan_report import plan_of
from deeploy_mlir.machine.platform import configuration_of
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.pipelines import Observer, PipelineOptions, pipeline_for, run_pipeline
from deeploy_mlir.program.comparison import check_shape
from deeploy_mlir.program.network import Network, bind_inputs, network_of
from deeploy_mlir.program.npz import load_arrays, match_arrays
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.progress import doing

if TYPE_CHECKING:
    from onnx import ModelProto

    from deeploy_mlir.frontend.input_values import Given

Model: TypeAlias = "str | Path | bytes | ModelProto"

_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_LONGEST_SIZE = 24


@dataclass(frozen=True)
class ImportOptions:
    """How an ONNX file is read.

    `name`: the C prefix, by default from the file. `input_types`: element types (`ui8`, `i32`, `f32` ...) by input.
    `types_from`: sample inputs whose values decide the types. `dims`: values of symbolic dimensions.
    `input_values`: values of inputs, which are then constants, by name: numbers, lists, or text such as `1,2,3`."""

    name: str | None = None
    input_types: Mapping[str, str] = field(default_factory=dict[str, str])
    types_from: Mapping[str, Array] | None = None
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    input_values: Mapping[str, Given] = field(default_factory=dict[str, "Given"])


def parse_size(size: int | str) -> int:
    """Bytes: a number, or text such as `65536`, `64KiB`, `1.5MiB`, `64kB`. Raises DeeployError for anything else."""
    if len(str(size)) > _LONGEST_SIZE:
        raise DeeployError(f"'{size}' is too long for a memory size; no memory has more than 18 digits of bytes")
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(size))
    unit = _UNITS.get(match[2].lower()) if match else None
    value = float(match[1]) * unit if match and unit else 0.0
    if value < 1 or value != int(value):
        raise DeeployError(f"'{size}' is no memory size; write bytes, or a number with KiB or MiB, such as 64KiB")
    return int(value)


def _size_or_none(size: int | str) -> int:
    """A size that may be 0."""
    return 0 if str(size).strip() == "0" else parse_size(size)


def import_options(
    name: str | None = None,
    input_types: Mapping[str, str] | None = None,
    types_from: Mapping[str, Array] | str | Path | None = None,
    dims: Mapping[str, int] | None = None,
    input_values: Mapping[str, Given] | None = None,
) -> ImportOptions:
    """`ImportOptions` with `types_from` as arrays or as an .npz file that holds them.

    Raises DeeployError for a file that cannot be read."""
    arrays = load_arrays(types_from) if isinstance(types_from, str | Path) else types_from
    return ImportOptions(name, input_types or {}, arrays, dims or {}, input_values or {})


def pipeline_options(
    target: str = "siracusa",
    l1: int | str | None = None,
    l2: int | str | None = None,
    double_buffer: bool = True,
    requantize: str = "exact",
    wmem: int | str | None = None,
    math: str = "exact",
    ram: int | str | None = None,
    without_engines: Sequence[str] = (),
    memories: Mapping[str, int | str] | None = None,
) -> PipelineOptions:
    """`PipelineOptions` with sizes as numbers or text. Raises DeeployError for text that is no size."""
    return PipelineOptions(
        target,
        l1=None if l1 is None else parse_size(l1),
        l2=None if l2 is None else parse_size(l2),
        wmem=None if wmem is None else _size_or_none(wmem),
        memories=tuple((name, _size_or_none(size)) for name, size in (memories or {}).items()),
        ram=None if ram is None else parse_size(ram),
        without_engines=tuple(without_engines),
        double_buffer=double_buffer,
        requantize=requantize,
        math=math,
    )


def match_inputs(network: Network, path: str | Path) -> dict[str, Array]:
    """The inputs in an .npz file, by name or else by position, as the network takes them.

    Raises DeeployError for a missing input, another shape, or values that the type cannot hold."""
    arrays = match_arrays(load_arrays(path), [t.name for t in network.inputs])
    return {t.name: a for t, a in zip(network.inputs, bind_inputs(network, arrays), strict=True)}


def match_outputs(network: Network, path: str | Path) -> dict[str, Array]:
    """The golden outputs in an .npz file, by name or else by position.

    Raises DeeployError for a missing one, or another shape (axes of size 1 aside)."""
    golden = match_arrays(load_arrays(path), [t.name for t in network.outputs])
    for tensor in network.outputs:
        check_shape(tensor.name, tensor.shape, golden[tensor.name].shape)
    return golden


def import_network(model: Model, options: ImportOptions) -> ModuleOp:
    """The graph-level module of an ONNX model. Raises DeeployError for a model that cannot be read."""
    from deeploy_mlir.frontend import import_model

    doing("reading the network")
    return import_model(
        model,
        name=options.name,
        input_types=options.input_types,
        types_from=options.types_from,
        dims=options.dims,
        input_values=options.input_values,
    )


def compile_module(
    module: ModuleOp, options: PipelineOptions, *, started: float | None = None, observer: Observer | None = None
) -> Program:
    """Compiles a graph-level module, which becomes the final IR. `started`: perf_counter() when the work began.

    `observer`: sees the module before and after each pass (as in `pipelines.run_pipeline`)."""
    from deeploy_mlir.lowering.print_c import c_sources

    started = time.perf_counter() if started is None else started
    network, pipeline = network_of(module), pipeline_for(options)
    run_pipeline(module, pipeline, observer)
    doing("printing C")
    plan = plan_of(module)
    if plan is None:
        raise ValueError(f"the pipeline left no plan in the module: {pipeline}")
    return Program(
        network=network,
        target=options.target,
        module=module,
        plan=plan,
        sources=c_sources(module),
        pipeline=pipeline,
        compile_seconds=time.perf_counter() - started,
        configuration=configuration_of(load_soc(options.target)),
    )


def compile(
    model: Model,
    target: str = "siracusa",
    *,
    l1: int | str | None = None,
    l2: int | str | None = None,
    wmem: int | str | None = None,
    ram: int | str | None = None,
    memories: Mapping[str, int | str] | None = None,
    without_engines: Sequence[str] = (),
    double_buffer: bool = True,
    requantize: str = "exact",
    math: str = "exact",
    name: str | None = None,
    input_types: Mapping[str, str] | None = None,
    types_from: Mapping[str, Array] | str | Path | None = None,
    dims: Mapping[str, int] | None = None,
    input_values: Mapping[str, Given] | None = None,
    observer: Observer | None = None,
    check: Callable[[Network], object] | None = None,
) -> Program:
    """Compiles an ONNX model (path, bytes or ModelProto) for a target.

    `l1`, `l2`, `wmem`, `ram`: byte budgets (an int, or text such as "64KiB") for the target's memories of that name;
    the whole memory by default; `memories` has budgets by any name. `without_engines`: engines of the target to leave
    out. `double_buffer`: whether transfers may overlap computing. `requantize`: "exact" or
    "fixed-point", `math`: "exact" or "fast" (see `PipelineOptions`). The rest as in `ImportOptions`; `types_from` may
    be an .npz file.
    `observer`: sees the module before and after each pass (as in `pipelines.run_pipeline`). `check`: sees the network
    before it is compiled, and may raise.
    Raises DeeployError, which names the node and what would do, for whatever cannot be compiled."""
    started = time.perf_counter()
    options = pipeline_options(target, l1, l2, double_buffer, requantize, wmem, math, ram, without_engines, memories)
    module = import_network(model, import_options(name, input_types, types_from, dims, input_values))
    if check is not None:
        check(network_of(module))
    return compile_module(module, options, started=started, observer=observer)
