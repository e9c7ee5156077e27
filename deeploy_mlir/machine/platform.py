"""A platform: C that implements `deeploy/platform.h` for a machine, how programs for it are built, and how they run.

A target's package lists its platforms in a module `platforms`:

    PLATFORMS = (Platform("my-board", folder, compilers, run), THREADS)

the first is the target's own. Nothing else of this package knows what distinguishes them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.machine.running import RunProgram
from deeploy_mlir.machine.toolchain import RUNTIME, Toolchain, chosen
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import identifier

CONFIG_HEADER = "dm_config.h"
"""What the compiler assumed of the machine, the same for all platforms of an output folder."""

PORT_HEADER = "dm_port.h"
"""Where a platform places static objects."""


@dataclass(frozen=True)
class DmaLimits:
    """A DMA engine: the dimensions and bytes that one of its jobs may have, and the transfers in flight at a time."""

    name: str
    channels: int = 1
    max_dims: int = 1
    max_bytes: int | None = None


@dataclass(frozen=True)
class Configuration:
    """What generated code and a platform have to agree on.

    `cores` of the cluster, names of the memories, bytes of each core's stack (None: the platform's own choice), and the
    DMA engines."""

    cores: int
    memories: tuple[str, ...]
    core_stack_bytes: int | None = None
    dmas: tuple[DmaLimits, ...] = ()


def configuration_of(system: SystemOp) -> Configuration:
    """The configuration that a SoC's description asks for."""
    clusters = [engine for engine in system.engines if not engine.asynchronous]
    stacks = [engine.core_stack_bytes for engine in clusters if engine.core_stack_bytes is not None]
    return Configuration(
        max((engine.core_count for engine in clusters), default=1),
        tuple(memory.symbol for memory in system.memories),
        max(stacks, default=None),
        tuple(DmaLimits(d.symbol, d.channels, d.max_dims, d.max_bytes) for d in system.dma_engines),
    )


@dataclass(frozen=True)
class Section:
    """C attributes of static objects in one memory: those with initialiser (or zero at start), and those without."""

    initialised: str = ""
    uninitialised: str = ""


@dataclass(frozen=True)
class Platform:
    """One machine, real or emulated.

    `folder`: its C and assembly, wherever that is; copied into output folders. `shared`: folders of C that it builds
    on (`toolchain.FREESTANDING` is one), copied to the same place. `compilers`: those that build for it, the first by
    default; `variable` is the environment variable that chooses another. `run` runs a test program.
    `sections` by memory; None for a machine that does not tell memories apart. `flags` and `linker_script` (a file of
    `folder`) are used with every compiler. `is_host`: programs run on the machine that builds them; then they can be
    built with sanitizers, and take their data from files, else a runner writes and reads their arrays.
    """

    name: str
    folder: Path
    compilers: tuple[Toolchain, ...]
    run: RunProgram
    sections: Mapping[str, Section] | None = None
    flags: tuple[str, ...] = ()
    linker_script: str | None = None
    variable: str = "DEEPLOY_CC"
    is_host: bool = False
    shared: tuple[Path, ...] = ()

    @property
    def test_macro(self) -> str:
        """How the test program main.c gets its data."""
        return "DM_TEST_FILES" if self.is_host else "DM_TEST_DIRECT"

    def compiler(self) -> Toolchain:
        """The compiler in use. Raises DeeployError if there is none."""
        return chosen(self.compilers, self.variable, self.name)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its own folder and the shared ones."""
        return (self.folder, *self.shared)

    def files(self) -> dict[str, Path]:
        """All files by their paths in the platform's folder of an output folder, sorted by folder and name.

        Raises DeeployError for two of one path."""
        files: dict[str, Path] = {}
        for folder in self.folders:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                name = file.relative_to(folder).as_posix()
                if name in files:
                    raise DeeployError(f"platform {self.name} has two files {name}: {files[name]} and {file}")
                files[name] = file
        return files

    def sources(self) -> list[Path]:
        """The C and assembly files, its own first, sorted by name."""
        return [file for folder in self.folders for file in _sources_in(folder)]

    def link_flags(self, compiler: Toolchain, folder: str) -> tuple[str, ...]:
        """What follows the sources, for a copy of the platform's C in `folder`."""
        script = () if self.linker_script is None else ("-T", f"{folder}/{self.linker_script}")
        return (*script, *compiler.link_flags)

    def headers(self, configuration: Configuration) -> dict[str, str]:
        """The headers that `deeploy/platform.h` includes. Raises DeeployError for a memory that has no section."""
        return {CONFIG_HEADER: config_header(configuration), PORT_HEADER: self._port_header(configuration.memories)}

    def _port_header(self, memories: Sequence[str]) -> str:
        lines = [f"/* Where {self.name} places static objects: those with initialiser, and those without. */"]
        for memory in memories:
            if self.sections is not None and memory not in self.sections:
                known = ", ".join(self.sections) or "none"
                raise DeeployError(f"platform {self.name} has no section for memory {memory}; it has {known}")
            section = Section() if self.sections is None else self.sections[memory]
            lines.append(f"#define {section_macro(memory, initialised=True)} {section.initialised}".rstrip())
            lines.append(f"#define {section_macro(memory, initialised=False)} {section.uninitialised}".rstrip())
        return _guarded("DM_PORT_H", lines)

    def build(
        self,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        configuration: Configuration,
        *,
        opt: str = "-O3",
        defines: Mapping[str, str | int] | None = None,
        sanitize: Sequence[str] = (),
        extra: Sequence[str] = (),
    ) -> str:
        """Builds sources (with a `main`, or `extra` that needs none) and this platform into the program `out`; returns
        the compiler's warnings. Raises DeeployError with the compiler's messages."""
        with tempfile.TemporaryDirectory(prefix="deeploy-") as headers:
            for name, text in self.headers(configuration).items():
                Path(headers, name).write_text(text)
            return self._build(
                [*sources, *self.sources()],
                [*self.folders, Path(headers), RUNTIME / "include", *include_dirs],
                out,
                self.link_flags(self.compiler(), str(self.folder)),
                opt=opt,
                defines=defines,
                sanitize=sanitize,
                extra=extra,
            )

    def build_copy(
        self,
        folder: Path,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        *,
        opt: str = "-O3",
        defines: Mapping[str, str | int] | None = None,
        sanitize: Sequence[str] = (),
        extra: Sequence[str] = (),
    ) -> str:
        """As `build`, with a copy of the platform's C in `folder`; all headers are in the include folders."""
        return self._build(
            [*sources, *_sources_in(folder)],
            [folder, *include_dirs],
            out,
            self.link_flags(self.compiler(), str(folder)),
            opt=opt,
            defines=defines,
            sanitize=sanitize,
            extra=extra,
        )

    def _build(
        self,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        link_flags: Sequence[str],
        *,
        opt: str,
        defines: Mapping[str, str | int] | None,
        sanitize: Sequence[str],
        extra: Sequence[str],
    ) -> str:
        return self.compiler().build(
            sources,
            include_dirs,
            out,
            opt=opt,
            defines=defines,
            extra=[*self.flags, *self._sanitizer_flags(sanitize), *extra],
            link_flags=link_flags,
        )

    def _sanitizer_flags(self, sanitize: Sequence[str]) -> tuple[str, ...]:
        unknown = [name for name in sanitize if name not in SANITIZERS]
        if unknown:
            raise DeeployError(f"no sanitizer '{unknown[0]}'; there are: {', '.join(SANITIZERS)}")
        if not sanitize:
            return ()
        return (f"-fsanitize={','.join(sanitize)}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")


def _sources_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in (".c", ".S"))


SANITIZERS = ("address", "undefined", "thread")


def config_header(configuration: Configuration) -> str:
    """`dm_config.h`. Assembly includes it too."""
    lines = [
        "/* What the network was compiled for; every file of the program has to see the same. */",
        f"#define DM_CORES {configuration.cores} /* of the cluster */",
    ]
    if configuration.core_stack_bytes is not None:
        lines.append(f"#define DM_CORE_STACK_BYTES {configuration.core_stack_bytes} /* of each of these cores */")
    return _guarded("DM_CONFIG_H", lines + _dma_lines(configuration.dmas))


def _dma_lines(dmas: Sequence[DmaLimits]) -> list[str]:
    """Number and limits of each DMA engine, and a table of them."""
    lines = [f"#define DM_DMAS {len(dmas)} /* DMA engines */"]
    rows: list[str] = []
    for number, dma in enumerate(dmas):
        macro = dma_macro(dma.name)
        limits = {"CHANNELS": dma.channels, "MAX_DIMS": dma.max_dims, "MAX_BYTES": dma.max_bytes or NO_LIMIT}
        lines.append(f"#define {macro} {number}u")
        lines += [f"#define {macro}_{limit} {value}u" for limit, value in limits.items()]
        rows.append("{" + ", ".join(f"{macro}_{limit}" for limit in limits) + "}")
    if rows:
        lines.append(f"#define DM_DMA_LIMITS {{{', '.join(rows)}}} /* by number */")
    return lines


NO_LIMIT = 0xFFFFFFFF
"""Bytes of a job of a DMA engine that states no limit."""


def dma_macro(name: str) -> str:
    """The C macro for the number of a DMA engine."""
    return f"DM_DMA_{identifier(name, 'engine').upper()}"


def section_macro(memory: str, *, initialised: bool) -> str:
    """The C macro for the attributes of a static object in a memory, with an initialiser or without."""
    return f"DM_{memory.upper()}" + ("" if initialised else "_NOINIT")


def _guarded(guard: str, lines: Sequence[str]) -> str:
    return "\n".join([f"#ifndef {guard}", f"#define {guard}", "", *lines, "", "#endif"]) + "\n"
