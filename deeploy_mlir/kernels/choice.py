"""The kernel bindings that a SoC's engines name, and which of them can run a kernel.

An engine of the SoC's description names libraries of bindings. A library is the module `kernels` of a target's package,
by the target's name, and whatever other packages add to it by entry points of the group `deeploy_mlir.kernels`:

    [project.entry-points."deeploy_mlir.kernels"]
    siracusa = "my_package.my_kernels"

Each such module has a tuple `BINDINGS`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.kernels.binding import KernelBinding, Library
from deeploy_mlir.kernels.instructions.lookup import tables_of
from deeploy_mlir.machine.registry import target_packages
from deeploy_mlir.support.errors import DeeployError

GROUP = "deeploy_mlir.kernels"
"""The entry point group of modules that add bindings to a library; the entry point's name is the library's."""


def bindings_of(system: SystemOp) -> tuple[KernelBinding, ...]:
    """The bindings for each engine of a system in the libraries that it names, and what its instruction tables make of
    them.

    Raises DeeployError for a library or table that is not known, and for two bindings of one name."""
    plain = [
        binding
        for engine in system.engines
        for library in engine.kernel_libraries
        for binding in library_bindings(library)
        if binding.engine == engine.symbol
    ]
    tables = {engine.symbol: tables_of(engine) for engine in system.engines}
    pairs = [(binding, table) for binding in plain for table in tables.get(binding.engine, ())]
    found = [*plain, *(other for binding, table in pairs for other in binding.with_instructions(table))]
    names = [binding.name for binding in found]
    for name in names:
        if names.count(name) > 1:
            raise DeeployError(f"{system.system_name} has {names.count(name)} kernel bindings called '{name}'")
    return tuple(found)


def library_bindings(library: str) -> tuple[KernelBinding, ...]:
    """The bindings of one library. Raises DeeployError if there is none of that name."""
    points = sorted((p for p in entry_points(group=GROUP) if p.name == library), key=lambda p: p.value)
    packages = target_packages()
    modules = [f"{packages[library]}.kernels"] if library in packages else []
    modules += [point.value for point in points]
    if not modules:
        known = {*packages, *(p.name for p in entry_points(group=GROUP))}
        raise DeeployError(f"there is no kernel library '{library}'; there are: {', '.join(sorted(known))}")
    return tuple(binding for module in modules for binding in _listed(module))


def _listed(module: str) -> Sequence[KernelBinding]:
    try:
        return cast(Sequence[KernelBinding], import_module(module).BINDINGS)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise DeeployError(f"the package that names the kernel bindings of {module} has no such module") from error


def accepting(op: KernelOp, bindings: Sequence[KernelBinding], engines: Collection[str]) -> tuple[KernelBinding, ...]:
    """The bindings of some engines that can run a kernel. Raises DeeployError with the reasons if there are none."""
    found: list[KernelBinding] = []
    reasons: list[str] = []
    for binding in [b for b in bindings if b.engine in engines]:
        answer = binding.accepts(op)
        if answer is True:
            found.append(binding)
        elif answer:
            reasons.append(f"{binding.name}: {answer}")
    if not found:
        why = "; ".join(reasons) or f"no binding is for engine {', '.join(f'@{e}' for e in engines)}"
        raise DeeployError(f"no kernel binding runs {op.name}: {why}", op.layer.data)
    return tuple(found)


def chosen(op: KernelOp, bindings: Sequence[KernelBinding]) -> KernelBinding:
    """The binding that stands on a kernel. Raises DeeployError if none does, or it is not among `bindings`."""
    if op.binding is None:
        raise DeeployError(f"{op.name} has no kernel binding; run deeploy-plan first", op.layer.data)
    for binding in bindings:
        if binding.name == op.binding.data:
            return binding
    known = ", ".join(binding.name for binding in bindings) or "none"
    raise DeeployError(f"there is no kernel binding '{op.binding.data}'; there are: {known}", op.layer.data)


def c_libraries(system: SystemOp) -> tuple[Library, ...]:
    """The C libraries that the bindings of a system may call."""
    return tuple(binding.library for binding in bindings_of(system) if binding.library is not None)
