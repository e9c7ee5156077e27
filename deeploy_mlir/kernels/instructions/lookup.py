"""The instruction tables that the engines of a SoC name.

A table is found in the module `instructions` of any target's package, or in a module that another package names by an
entry point of the group `deeploy_mlir.instructions`:

    [project.entry-points."deeploy_mlir.instructions"]
    my-set = "my_package.my_instructions"

Each such module has a tuple `TABLES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from deeploy_mlir.dialects.soc import EngineOp
from deeploy_mlir.kernels.instructions.table import InstructionTable
from deeploy_mlir.machine.registry import target_packages
from deeploy_mlir.support.errors import DeeployError

GROUP = "deeploy_mlir.instructions"
"""The entry point group of modules with instruction tables."""


def instruction_tables() -> dict[str, InstructionTable]:
    """All tables by name. Raises DeeployError if two have one name, or an entry point names no module."""
    modules = {f"{package}.instructions": False for package in target_packages().values()}
    modules |= {point.value: True for point in entry_points(group=GROUP)}
    found: dict[str, InstructionTable] = {}
    for module, needed in modules.items():
        for table in _tables(module, needed):
            if table.name in found:
                raise DeeployError(f"there are two instruction tables '{table.name}', one of them in {module}")
            found[table.name] = table
    return found


def _tables(module: str, needed: bool) -> Sequence[InstructionTable]:
    """The tables of a module; none if it is not there and not `needed`."""
    try:
        return cast(Sequence[InstructionTable], import_module(module).TABLES)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        if needed:
            raise DeeployError(
                f"the package that names the instruction tables of {module} has no such module"
            ) from error
        return ()


def tables_of(engine: EngineOp) -> tuple[InstructionTable, ...]:
    """The tables that an engine names. Raises DeeployError for one that is not known, naming those that are."""
    if not engine.instruction_tables:
        return ()
    known = instruction_tables()
    for name in engine.instruction_tables:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise DeeployError(f"soc.engine @{engine.symbol}: no instruction table '{name}'; there are: {there}")
    return tuple(known[name] for name in engine.instruction_tables)
