"""The symbols of a module, and what they are to its networks."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import memref
from xdsl.dialects.builtin import ArrayAttr, DenseIntOrFPElementsAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.mem import ArenaOp, Role, RoleAttr, role_of
from deeploy_mlir.support.errors import DeeployError


def symbols_in(block: Block) -> dict[str, Operation]:
    """The operations of a block that define a symbol, by their symbols."""
    named = ((op.get_attr_or_prop("sym_name"), op) for op in block.ops)
    return {name.data: op for name, op in named if isinstance(name, StringAttr)}


@dataclass(frozen=True)
class BoundaryNames:
    """ONNX names of a function's inputs and outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def boundary_names(function: FuncOp) -> BoundaryNames:
    """The names that a function on tensors says (`arg_names`, `result_names`), or else `input_0` and so on."""

    def names(key: str, default: str, count: int) -> tuple[str, ...]:
        attribute = function.attributes.get(key)
        if isa(attribute, ArrayAttr[StringAttr]) and len(attribute) == count:
            return tuple(name.data for name in attribute)
        return tuple(f"{default}_{i}" for i in range(count))

    kind = function.function_type
    inputs, outputs = len(kind.inputs.data), len(kind.outputs.data)
    return BoundaryNames(names("arg_names", "input", inputs), names("result_names", "output", outputs))


@dataclass(frozen=True)
class NetworkArrays:
    """The static data of one network on the level of memory: its arrays by role, in order, and its arenas."""

    inputs: tuple[memref.GlobalOp, ...]
    outputs: tuple[memref.GlobalOp, ...]
    constants: tuple[memref.GlobalOp, ...]
    arenas: tuple[ArenaOp, ...]

    @property
    def boundary(self) -> tuple[memref.GlobalOp, ...]:
        """Inputs and outputs."""
        return (*self.inputs, *self.outputs)


def arrays_of(module: ModuleOp, function: FuncOp) -> NetworkArrays:
    """The arrays and arenas that belong to a function.

    Raises DeeployError for an array without a role, roles that are not numbered from 0, and values where there are none
    to be (or none where there are)."""
    network = function.sym_name.data
    found: dict[Role, dict[int, memref.GlobalOp]] = {role: {} for role in Role}
    for array in [op for op in module.body.block.ops if isinstance(op, memref.GlobalOp)]:
        role = role_of(array)
        if role is None:
            raise DeeployError("has no role; give it mem.role", array.sym_name.data)
        if role.network.root_reference.data == network:
            _check(array, role, found[role.kind])
            found[role.kind][role.number.data] = array
    for role, arrays in found.items():
        if sorted(arrays) != list(range(len(arrays))):
            raise DeeployError(f"its {role}s have the numbers {sorted(arrays)}, not 0 and so on", network)
    inputs, outputs, constants = (tuple(found[role][i] for i in range(len(found[role]))) for role in Role)
    arenas = [op for op in module.body.block.ops if isinstance(op, ArenaOp)]
    own = tuple(arena for arena in arenas if arena.network.root_reference.data == network)
    return NetworkArrays(inputs, outputs, constants, own)


def _check(array: memref.GlobalOp, role: RoleAttr, others: dict[int, memref.GlobalOp]) -> None:
    """Raises DeeployError if the role is another array's too, or does not fit the array's value."""
    number, symbol = role.number.data, array.sym_name.data
    if number in others:
        raise DeeployError(f"is {role.kind} {number}, and so is {others[number].sym_name.data}", symbol)
    if isinstance(array.initial_value, DenseIntOrFPElementsAttr) != (role.kind == Role.CONSTANT):
        raise DeeployError(f"is {role.kind} {number}: constants have a value, others none", symbol)
