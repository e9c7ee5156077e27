"""The choice among the bindings of a target."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.machine.registry import target_package
from deeploy_mlir.support.errors import DeeployError


def bindings_of(target: str) -> tuple[KernelBinding, ...]:
    """The bindings that a target's package lists in its module `kernels`; none if it has no such module."""
    package = target_package(target)
    try:
        module = import_module(f"{package}.kernels")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.kernels":
            raise
        return ()
    return cast(tuple[KernelBinding, ...], module.BINDINGS)


def binding_for(op: KernelOp, target: str, cores: dict[str, int] | None = None) -> KernelBinding:
    """The binding of least modelled cycles for the whole kernel. Raises DeeployError with the reasons if none accepts.

    `cores` maps engines to their number of cores, 1 where not given. A kernel that has its engine gets that one."""
    reasons: list[str] = []
    accepted: list[tuple[int, int, KernelBinding]] = []
    space = op.iteration_space()
    for number, binding in enumerate(bindings_of(target)):
        if op.engine is not None and op.engine.root_reference.data != binding.engine:
            continue
        answer = binding.accepts(op)
        if answer is True:
            cycles = binding.cycles(op, space.sizes, (cores or {}).get(binding.engine, 1))
            accepted.append((cycles, number, binding))
        elif answer:
            reasons.append(f"{binding.engine}: {answer}")
    if not accepted:
        why = "; ".join(reasons) or "no binding is for its engine"
        raise DeeployError(f"no kernel of target '{target}' runs {op.name}: {why}", op.layer.data)
    return min(accepted, key=lambda entry: entry[:2])[2]
