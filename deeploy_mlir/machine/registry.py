"""The targets: those that ship, and those of other packages through the entry point group `deeploy_mlir.targets`.

A target is a package with a `soc.mlir`, and modules `kernels` and `platforms`; the entry point's name is the target's,
its value the package:

    [project.entry-points."deeploy_mlir.targets"]
    my-board = "my_package.my_board"
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Literal, cast, overload

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from deeploy_mlir.dialects.soc import Soc, SystemOp
from deeploy_mlir.machine.platform import Platform
from deeploy_mlir.support.errors import DeeployError, one_of

GROUP = "deeploy_mlir.targets"
"""The entry point group of targets."""

DESCRIPTION = "soc.mlir"
"""The file of a target's package that holds its `soc.system`."""

_OWN = "deeploy_mlir.targets"
"""The package whose packages with a description are the targets that ship; `-` in a name is `_` in its package's."""


def target_packages() -> dict[str, str]:
    """Target name -> the package that describes it. Ours cannot be replaced by an entry point of the same name."""
    found = {point.name: point.value for point in entry_points(group=GROUP)}
    own = [folder.name for folder in files(_OWN).iterdir() if (folder / DESCRIPTION).is_file()]
    return found | {folder.replace("_", "-"): f"{_OWN}.{folder}" for folder in own}


def target_names() -> tuple[str, ...]:
    """The names of all targets, sorted."""
    return tuple(sorted(target_packages()))


def target_package(name: str) -> str:
    """The package of a target. Raises DeeployError naming the known targets if there is none of that name."""
    # Asked for each kernel: ours are found without a look at what is installed.
    folder = name.replace("-", "_")
    if "_" not in name and folder.isidentifier() and (files(_OWN) / folder / DESCRIPTION).is_file():
        return f"{_OWN}.{folder}"
    packages = target_packages()
    if name not in packages:
        raise DeeployError(f"unknown target '{name}'; choose {one_of(sorted(packages))}")
    return packages[name]


def parse_soc(text: str, source: str = "soc.mlir") -> SystemOp:
    """The verified `soc.system` of a description. Raises DeeployError if it holds no such thing."""
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(Soc)
    try:
        module = Parser(context, text, source).parse_module()
        module.verify()
    except (ParseError, VerifyException) as error:
        raise DeeployError(f"the description of the SoC is not valid: {error}", source) from error
    systems = [op for op in module.ops if isinstance(op, SystemOp)]
    if len(systems) != 1:
        raise DeeployError(f"a description holds one soc.system, this one {len(systems)}", source)
    systems[0].detach()
    return systems[0]


def load_soc(name: str) -> SystemOp:
    """The `soc.system` of a target, a new one each time.

    Raises DeeployError if there is no such target, or its description is missing or not valid."""
    package = target_package(name)
    try:
        text = (files(package) / DESCRIPTION).read_text()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise DeeployError(f"target '{name}': package {package} has no {DESCRIPTION}") from error
    return parse_soc(text, f"{package}/{DESCRIPTION}")


def platforms_of(target: str) -> tuple[Platform, ...]:
    """The platforms that a target's code runs on, its own first: `PLATFORMS` of its package's module `platforms`.

    Raises DeeployError if there is no such target, or its package has none."""
    package = target_package(target)
    try:
        module = import_module(f"{package}.platforms")
    except ModuleNotFoundError as error:
        if error.name is None or not f"{package}.platforms".startswith(error.name):
            raise
        raise DeeployError(f"target '{target}': package {package} has no module platforms") from error
    return tuple(cast("tuple[Platform, ...]", module.PLATFORMS))


def platform_of(target: str, name: str | None = None) -> Platform:
    """A platform of a target by name, by default its own. Raises DeeployError if it has none of that name."""
    platforms = platforms_of(target)
    found = next((platform for platform in platforms if name in (None, platform.name)), None)
    if found is None:
        known = ", ".join(platform.name for platform in platforms)
        raise DeeployError(f"target {target} has no platform '{name}'; there are: {known}")
    return found


@overload
def system_of(module: ModuleOp, *, required: Literal[True] = True) -> SystemOp: ...
@overload
def system_of(module: ModuleOp, *, required: bool) -> SystemOp | None: ...
def system_of(module: ModuleOp, *, required: bool = True) -> SystemOp | None:
    """The system that a module is compiled for.

    If there is none: None where it is not `required`, else DeeployError."""
    for op in module.ops:
        if isinstance(op, SystemOp):
            return op
    if required:
        raise DeeployError("the module names no SoC: run deeploy-attach-soc first")
    return None
