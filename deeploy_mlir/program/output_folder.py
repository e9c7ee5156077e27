"""The folder that `deeploy compile` writes: sources, the runtime files they need, build files, `plan.json`.

It is self-contained: it compiles without this package. Layout, for a network `kws`:

    kws.c kws.h kws_weights.c     generated
    main.c test_data.h            a test program with one set of inputs
    dm_config.h                   cores and stacks that the network was compiled for
    runtime/                      the files of `deeploy_mlir/runtime` that the above include, and the target's platforms
    Makefile CMakeLists.txt       build it
    plan.json                     the plan, and what `deeploy run` needs to know
    files.json                    these files with digests, so that what is the user's is told apart
    user/                         never written: a program and platforms of the user's, which the build files take up
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.ir.plan_report import Plan, from_plain, to_plain
from deeploy_mlir.kernels.choice import c_libraries
from deeploy_mlir.machine.platform import CONFIG_HEADER, PORT_HEADER, Configuration, Platform, config_header
from deeploy_mlir.machine.registry import load_soc, platform_of
from deeploy_mlir.machine.toolchain import RUNTIME
from deeploy_mlir.program.build_files import cmake_lists, makefile, platform_folder, test_data
from deeploy_mlir.program.folder_update import LISTING, update_folder
from deeploy_mlir.program.footprint import Footprint
from deeploy_mlir.program.network import Network, TensorInfo, bind_inputs, to_bytes
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

FORMAT = 3
PLAN_FILE = "plan.json"
OWN_FILES = frozenset({"main.c", "test_data.h", "Makefile", "CMakeLists.txt", CONFIG_HEADER, PLAN_FILE, LISTING})
"""Files of every output folder, beside the generated ones."""

LIBRARIES = "runtime/kernels"
"""Where the C of kernel libraries goes, each in a folder of its name; on the include path."""

INCLUDE_FOLDERS = ("include", "kernels")
"""Folders of the runtime on the include path, besides the platform's own."""


@dataclass(frozen=True)
class Manifest:
    """`plan.json`: the network's outside, how it was compiled and what was planned. `platforms` are names; `steps`
    are the C functions of the network's steps."""

    format: int
    target: str
    platforms: tuple[str, ...]
    network: Network
    sources: tuple[str, ...]
    plan: Plan
    compile_seconds: float
    configuration: Configuration
    footprint: Footprint
    steps: tuple[str, ...] = ()


def runtime_closure(texts: Sequence[str], folders: Sequence[Path]) -> tuple[Path, ...]:
    """The runtime files that C texts need: what they include with quotes from `folders`, what that includes in turn,
    and the .c file beside every header so reached. Paths relative to the runtime folder, sorted.

    An include that is in none of the folders is the network's own."""
    names = [name for text in texts for name in _includes(text)]
    return tuple(sorted(file.relative_to(RUNTIME) for file in _closure(names, folders)))


def _closure(names: Sequence[str], folders: Sequence[Path]) -> set[Path]:
    """The files in `folders` that including `names` brings in, with the .c file beside every header."""
    found: set[Path] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        header = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if header is None:
            continue
        for file in (header, header.with_suffix(".c")):
            if file.is_file() and file not in found:
                found.add(file)
                pending += _includes(file.read_text())
    return found


def _library_files(system: SystemOp, sources: Mapping[str, str]) -> dict[str, bytes]:
    """The files of kernel libraries that the generated sources include, by their paths in the output folder."""
    included = {name for text in sources.values() for name in _includes(text)}
    files: dict[str, bytes] = {}
    for library in c_libraries(system):
        names = [header for header in library.headers if library.include(header) in included]
        for file in _closure(names, [library.folder]):
            files[f"{LIBRARIES}/{library.include(file.relative_to(library.folder).as_posix())}"] = file.read_bytes()
    return files


def _includes(text: str) -> list[str]:
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text, re.MULTILINE)


def _runtime_files(sources: Mapping[str, str], platforms: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Shared files of the runtime that the generated sources, the test program and the platforms' files need."""
    texts = [*sources.values(), (RUNTIME / "test" / "main.c").read_text()]
    texts += [data.decode() for name, data in platforms.items() if name.endswith((".c", ".h", ".S"))]
    return runtime_closure(texts, [RUNTIME / folder for folder in INCLUDE_FOLDERS])


def _platform_files(platform: Platform, configuration: Configuration) -> dict[str, bytes]:
    """The files of a platform by their paths in the output folder, with its header for the memories."""
    files = {name: file.read_bytes() for name, file in platform.files().items()}
    files[PORT_HEADER] = platform.headers(configuration)[PORT_HEADER].encode()
    return {f"{platform_folder(platform.name)}/{name}": data for name, data in files.items()}


LARGE = 1 << 20
"""Bytes of an input from which on a test program without data of the user's has zeros: as C text they take tenfold."""


def default_inputs(network: Network) -> tuple[Array, ...]:
    """A fixed pattern of small values, for a test program whose user gave no data."""
    return tuple(_pattern(tensor) for tensor in network.inputs)


def _test_inputs(network: Network, inputs: Mapping[str, Array] | None) -> list[bytes | None]:
    """What the test program holds of each input: the user's data, else the pattern, None for zeros if it is large."""
    if inputs is not None:
        return list(to_bytes(network.inputs, bind_inputs(network, inputs)))
    return [None if t.bytes > LARGE else to_bytes([t], [_pattern(t)])[0] for t in network.inputs]


def _pattern(tensor: TensorInfo) -> Array:
    values = np.arange(int(np.prod(tensor.shape))) * 37 % 101
    if tensor.numpy.kind == "b":
        values = values % 2
    elif tensor.numpy.kind not in "iu":
        values = values / 100
    return values.astype(tensor.numpy).reshape(tensor.shape)


def write_output_folder(
    path: Path,
    manifest: Manifest,
    sources: Mapping[str, str],
    inputs: Mapping[str, Array] | None = None,
    *,
    force: bool = False,
) -> Manifest:
    """Writes the folder, or brings an earlier one up to date (`update_folder`, which says what `force` does).

    `inputs` go into the test program. Returns the manifest with its list of C sources.
    Raises DeeployError if files of the user's are in the way."""
    manifest, files = folder_files(manifest, sources, inputs)
    update_folder(path, files, force=force)
    return manifest


def folder_files(
    manifest: Manifest, sources: Mapping[str, str], inputs: Mapping[str, Array] | None
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest with its list of C sources, and the contents of all files by their paths in the folder."""
    network = manifest.network
    clashing = sorted(OWN_FILES & set(sources))
    if clashing:
        raise DeeployError(f"a network called {network.name} would overwrite {clashing[0]}; give another --name")
    platforms = [platform_of(manifest.target, name) for name in manifest.platforms]
    files: dict[str, bytes] = {}
    for platform in platforms:
        files |= _platform_files(platform, manifest.configuration)
    reached = _runtime_files(sources, files)
    files |= {f"runtime/{file.as_posix()}": (RUNTIME / file).read_bytes() for file in reached}
    libraries = _library_files(load_soc(manifest.target), sources)
    files |= libraries
    for name in sources:
        if PurePosixPath(name).name != name:
            raise ValueError(f"a generated file lies in the output folder itself, not at {name}")
    generated = [name for name in sources if name.endswith(".c")]
    common = [f"runtime/{file.as_posix()}" for file in reached if file.suffix == ".c"]
    common += sorted(name for name in libraries if name.endswith(".c"))
    manifest = replace(manifest, sources=(*generated, *common))
    texts = {
        **sources,
        "test_data.h": test_data(network, _test_inputs(network, inputs)),
        CONFIG_HEADER: config_header(manifest.configuration),
        "Makefile": makefile(network, manifest.target, manifest.sources, platforms),
        "CMakeLists.txt": cmake_lists(network, manifest.target, manifest.sources, platforms),
        PLAN_FILE: json.dumps(to_plain(manifest), indent=1) + "\n",
    }
    files |= {name: text.encode() for name, text in texts.items()}
    files["main.c"] = (RUNTIME / "test" / "main.c").read_bytes()
    return manifest, files


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an output folder. Raises DeeployError for a folder that is none, or of another version."""
    file = folder / PLAN_FILE
    if not file.is_file():
        raise DeeployError(f"{folder} is no output folder: it holds no {PLAN_FILE}; make one with `deeploy compile`")
    try:
        manifest = from_plain(Manifest, json.loads(file.read_text()))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DeeployError(f"{file} cannot be read: {error}; compile again") from error
    if manifest.format != FORMAT:
        raise DeeployError(f"{file} has format {manifest.format}, this version reads {FORMAT}; compile again")
    return manifest
