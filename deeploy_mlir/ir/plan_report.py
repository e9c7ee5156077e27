"""The plan of a compiled network, as the final IR carries it and as `plan.json` and `--json` print it.

The planner attaches it to the module with `attach_plan`; whoever reports reads it back with `plan_of`. It is also
what survives printing and parsing of the IR, since it is an ordinary dictionary attribute.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute

PLAN_ATTRIBUTE = "deeploy.plan"
"""Name of the module attribute that holds the plan."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that everything in one memory takes at most at a time, of the bytes that the budget allows; among them
    the `arena` of activations and tiles, and `constants`."""

    name: str
    used: int
    capacity: int
    arena: int = 0
    constants: int = 0


@dataclass(frozen=True)
class Traffic:
    """Bytes that one inference moves from one memory to another."""

    source: str
    destination: str
    bytes: int


@dataclass(frozen=True)
class FarTensor:
    """A tensor that lives in the memory behind the host's: what it is (`constant`, `activation`, `boundary`), its
    bytes, those that one inference moves from and to there, and the cycles that the DMA takes for them."""

    name: str
    kind: str
    memory: str
    bytes: int
    moved: int
    cycles: int


@dataclass(frozen=True)
class SolverReport:
    """What the solver proved: the plan costs `objective` cycles, no plan costs less than `bound`.

    `gap` is (objective - bound) / objective; `seconds` is wall clock."""

    objective: float
    bound: float
    gap: float
    seconds: float


@dataclass(frozen=True)
class Step:
    """One kernel or fused group: its node, its tiles in words, the bytes of L1 it holds and its planned cycles."""

    node: str
    kernel: str
    tiles: str
    l1_bytes: int
    cycles: int


@dataclass(frozen=True)
class Plan:
    """All that the planner decided that a user may ask about."""

    memory: tuple[MemoryUse, ...]
    traffic: tuple[Traffic, ...]
    cycles: int
    solver: SolverReport | None = None
    steps: tuple[Step, ...] = ()
    far: tuple[FarTensor, ...] = ()


T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A dataclass as dictionaries, lists and scalars (JSON); None fields are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {name: to_plain(field) for name, field in fields.items() if field is not None}
    if isinstance(value, tuple):
        return [to_plain(item) for item in cast("tuple[Any, ...]", value)]
    return value


def from_plain(kind: type[T], data: Any) -> T:
    """The inverse of `to_plain`. Raises TypeError or ValueError where the data do not have the form of `kind`."""
    return cast(T, _from_plain(kind, data))


def _from_plain(kind: Any, data: Any) -> Any:
    if isinstance(kind, UnionType):
        if data is None:
            return None
        (kind,) = [alternative for alternative in get_args(kind) if alternative is not NoneType]
    if get_origin(kind) is tuple:
        if not isinstance(data, Sequence) or isinstance(data, str):
            raise TypeError(f"expected a list, got {data!r}")
        return tuple(_from_plain(get_args(kind)[0], item) for item in cast("Sequence[Any]", data))
    if dataclasses.is_dataclass(kind):
        if not isinstance(data, Mapping):
            raise TypeError(f"expected an object, got {data!r}")
        hints = get_type_hints(kind)
        fields = cast("Mapping[str, Any]", data)
        return cast(Any, kind)(**{name: _from_plain(hints[name], value) for name, value in fields.items()})
    if kind is float and isinstance(data, int):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"expected {kind.__name__}, got {data!r}")
    return data


def _attribute(value: Any) -> Attribute:
    match value:
        case str():
            return StringAttr(value)
        case int():
            return IntegerAttr(value, i64)
        case float():
            return FloatAttr(value, f64)
        case list():
            return ArrayAttr([_attribute(item) for item in cast("list[Any]", value)])
        case dict():
            return DictionaryAttr({key: _attribute(item) for key, item in cast("dict[str, Any]", value).items()})
        case _:
            raise TypeError(f"a plan holds no {type(value).__name__}")


def _plain(attribute: Attribute) -> Any:
    match attribute:
        case StringAttr():
            return attribute.data
        case IntegerAttr() | FloatAttr():
            return cast(Any, attribute).value.data
        case ArrayAttr():
            return [_plain(item) for item in attribute]
        case DictionaryAttr():
            return {key: _plain(item) for key, item in attribute.data.items()}
        case _:
            raise TypeError(f"a plan holds no {attribute.name}")


def attach_plan(module: ModuleOp, plan: Plan) -> None:
    """Writes the plan into the module's attributes."""
    module.attributes[PLAN_ATTRIBUTE] = _attribute(to_plain(plan))


def plan_of(module: ModuleOp) -> Plan | None:
    """The plan that the module carries, or None before planning."""
    attribute = module.attributes.get(PLAN_ATTRIBUTE)
    return None if attribute is None else from_plain(Plan, _plain(attribute))
