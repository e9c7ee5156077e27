"""A compiled network."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.plan_report import Plan
from deeploy_mlir.machine.platform import Configuration, Platform
from deeploy_mlir.machine.registry import platform_of, platforms_of
from deeploy_mlir.machine.running import Job
from deeploy_mlir.program.build_files import INCLUDES, platform_folder
from deeploy_mlir.program.code_size import code_bytes
from deeploy_mlir.program.execution import Execution, Runner
from deeploy_mlir.program.footprint import Footprint, measured_footprint, planned_footprint
from deeploy_mlir.program.network import Network, bind_inputs, from_bytes, to_bytes
from deeploy_mlir.program.output_folder import FORMAT, Manifest, folder_files, read_manifest, write_output_folder
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import STEP_MACRO, input_symbol, output_symbol
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.progress import doing


@dataclass(frozen=True)
class Program:
    """A network compiled for a target: what `deeploy_mlir.compile` returns.

    `module` is the final IR, `plan` what the planner decided, `sources` the generated C by file name, `pipeline` the
    passes that ran, `measured` the flash and RAM that its objects take."""

    network: Network
    target: str
    module: ModuleOp
    plan: Plan
    sources: Mapping[str, str]
    pipeline: str
    compile_seconds: float
    configuration: Configuration
    measured: Footprint | None = None

    @property
    def footprint(self) -> Footprint:
        """Flash and RAM: as `with_footprint` measured them, else as planned."""
        return self.measured or planned_footprint(self.network, self.plan, self.configuration)

    def with_footprint(self) -> Program:
        """The same program with the flash and RAM of its objects, which are compiled for it where a compiler is at
        hand."""
        return replace(self, measured=measured_footprint(*folder_files(self.manifest, self.sources, None)))

    @property
    def manifest(self) -> Manifest:
        """What `plan.json` says, without the list of sources, which is known once they are written."""
        platforms = tuple(platform.name for platform in platforms_of(self.target))
        return Manifest(
            FORMAT,
            self.target,
            platforms,
            self.network,
            (),
            self.plan,
            self.compile_seconds,
            self.configuration,
            self.footprint,
            step_functions(self.module),
        )

    def save(self, path: str | Path, inputs: Mapping[str, Array] | None = None, *, force: bool = False) -> Path:
        """Writes the self-contained output folder; `inputs` go into its test program.

        An earlier one is brought up to date; files of the user's in it stay. Raises DeeployError if such files are in
        the way: not written by an earlier call, or changed since. `force` overwrites those."""
        path = Path(path).absolute()
        write_output_folder(path, self.manifest, self.sources, inputs, force=force)
        return path

    def run(self, inputs: Mapping[str, Array], platform: str | None = None) -> dict[str, Array]:
        """Builds and runs the network once; arrays by ONNX name in and out. See `run_folder` for the errors."""
        return self.execute(inputs, platform).outputs

    def execute(
        self,
        inputs: Mapping[str, Array],
        platform: str | None = None,
        sanitize: Sequence[str] = (),
    ) -> Execution:
        """As `run`, with all that was measured."""
        bind_inputs(self.network, inputs)  # what does not fit is refused before the C compiler's work
        with self.built(platform, sanitize) as run:
            return run(inputs)

    @contextmanager
    def built(self, platform: str | None = None, sanitize: Sequence[str] = ()) -> Generator[Runner]:
        """Builds the network once, for any number of runs:

            with program.built() as run:
                outputs = [run({"x": sample}).outputs for sample in samples]

        Errors as in `run_folder`."""
        with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
            folder = self.save(Path(scratch, self.network.name))
            with built_folder(folder, platform, sanitize) as run:
                yield run


def step_functions(module: ModuleOp) -> tuple[str, ...]:
    """The C functions of a network's steps, in the order in which they run."""
    functions = (op for op in module.walk() if isinstance(op, c.FuncOp))
    return tuple(function.sym_name.data for function in functions if STEP_MACRO in function.words)


def run_folder(
    folder: Path,
    inputs: Mapping[str, Array],
    platform: str | None = None,
    sanitize: Sequence[str] = (),
) -> Execution:
    """Builds and runs an output folder on one of its platforms, the first by default.

    Raises DeeployError for a platform that the target has not, sanitizers on a simulated target, inputs that do not
    fit, or a C compiler that fails; ExecutionError if the program does not run to its end."""
    bind_inputs(read_manifest(folder).network, inputs)
    with built_folder(folder, platform, sanitize) as run:
        return run(inputs)


@contextmanager
def built_folder(
    folder: Path, platform: str | None = None, sanitize: Sequence[str] = (), seconds: float = 600
) -> Generator[Runner]:
    """Builds an output folder for one of its platforms; gives a function that runs it, for at most `seconds` on a host.

    Errors as in `run_folder`."""
    manifest = read_manifest(folder)
    chosen = platform_of(manifest.target, platform)
    if sanitize and not chosen.is_host:
        hosts = [p.name for p in platforms_of(manifest.target) if p.is_host]
        raise DeeployError(f"sanitizers need a host platform: add --platform {' or '.join(hosts) or '(there is none)'}")
    with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
        image = Path(scratch, manifest.network.name)
        warnings = build_folder(folder, manifest, chosen, image, sanitize)
        size = code_bytes(image.read_bytes())
        yield lambda arrays: replace(
            _run_image(image, manifest, chosen, arrays, seconds), code_bytes=size, warnings=warnings
        )


def build_folder(
    folder: Path, manifest: Manifest, platform: Platform, image: Path, sanitize: Sequence[str] = ()
) -> str:
    """Builds the test program of an output folder as `image`; returns the C compiler's warnings."""
    doing(f"building the program for {platform.name}")
    return platform.build_copy(
        folder / platform_folder(platform.name),
        [folder / "main.c", *(folder / source for source in manifest.sources)],
        [folder / include for include in INCLUDES],
        image,
        opt="-O1" if sanitize else "-O3",
        defines={platform.test_macro: 1},
        sanitize=sanitize,
    )


def _run_image(
    image: Path, manifest: Manifest, platform: Platform, arrays: Mapping[str, Array], seconds: float
) -> Execution:
    network = manifest.network
    inputs = to_bytes(network.inputs, bind_inputs(network, arrays))
    job = Job(
        tuple((input_symbol(network.name, index), data) for index, data in enumerate(inputs)),
        tuple((output_symbol(network.name, index), tensor.bytes) for index, tensor in enumerate(network.outputs)),
        manifest.configuration.cores,
        seconds,
        manifest.steps,
    )
    doing(f"running on {platform.name}")
    outcome = platform.run(image, job)
    return Execution(
        outputs=from_bytes(network.outputs, outcome.outputs),
        platform=platform.name,
        measured=outcome.measured,
        linked=outcome.linked,
        stdout=outcome.stdout,
    )
