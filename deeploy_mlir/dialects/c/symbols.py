"""Symbols of a `c` module (a module holds files, files hold functions and globals), and regions of one block."""

from __future__ import annotations

import abc

from xdsl.dialects.builtin import FunctionType, StringAttr
from xdsl.ir import Attribute, Block, Operation, Region
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

SYMBOL = "sym_name"


def symbol_name(op: Operation) -> str | None:
    """The symbol that an operation defines."""
    name = op.properties.get(SYMBOL)
    return name.data if isinstance(name, StringAttr) else None


def enclosing(op: Operation, name: str) -> Operation | None:
    """The nearest operation around `op` (or itself) that is called `name`, such as `c.file`."""
    while op.name != name:
        parent = op.parent_op()
        if parent is None:
            return None
        op = parent
    return op


class SymbolTable:
    """The `c.func` and `c.global` that stand in a module when it is made, each looked up in constant time."""

    def __init__(self, user: Operation) -> None:
        """Of the module around `user`, or of the outermost operation around it where there is no module."""
        self._files: dict[Operation | None, dict[str, Operation]] = {}
        self._everywhere: dict[str, Operation] = {}
        top = user
        while top.name != "builtin.module" and (parent := top.parent_op()) is not None:
            top = parent
        self._add(top, None)

    def _add(self, container: Operation, file: Operation | None) -> None:
        own = self._files.setdefault(file, {})
        for op in (op for region in container.regions for block in region.blocks for op in block.ops):
            name = symbol_name(op)
            if op.name == "c.file":
                self._add(op, op)
            elif op.name in ("c.func", "c.global") and name is not None:
                own.setdefault(name, op)
                self._everywhere.setdefault(name, op)

    def find(self, user: Operation, name: str) -> Operation | None:
        """The operation called `name` that `user` refers to: of its own file first, then of any file."""
        own = self._files.get(enclosing(user, "c.file"), {})
        return own.get(name) or self._everywhere.get(name)

    def function_type(self, user: Operation, name: str) -> FunctionType | None:
        """The type of the `c.func` called `name`."""
        op = self.find(user, name)
        t = op.properties.get("function_type") if op is not None else None
        return t if isinstance(t, FunctionType) else None

    def global_type(self, user: Operation, name: str) -> Attribute | None:
        """The type of the `c.global` called `name`."""
        op = self.find(user, name)
        return op.properties.get("type") if op is not None and op.name == "c.global" else None


class SymbolUser(abc.ABC):
    """An operation that refers to a `c.func` or `c.global`.

    What it refers to is verified by the outermost operation of the dialect around it, with one table for all (as MLIR's
    SymbolUserOpInterface): a table for each user would make the work quadratic in the size of the module."""

    @abc.abstractmethod
    def verify_symbol(self, symbols: SymbolTable) -> None:
        """Raises VerifyException if the symbol is none of the module, or of another type."""


def verify_symbols(op: Operation) -> None:
    """Verifies the symbols that are used in an operation, if it is the outermost one of the dialect.

    Raises VerifyException with the user marked in the IR."""
    parent = op.parent_op()
    if parent is not None and (enclosing(parent, "c.file") or enclosing(parent, "c.func")):
        return
    symbols = SymbolTable(op)
    for user in op.walk():
        if isinstance(user, SymbolUser):
            try:
                user.verify_symbol(symbols)
            except VerifyException as error:
                if user is op:
                    raise
                user.emit_error(f"Operation does not verify: {error}", error)


def parse_block(parser: Parser) -> Region:
    """A region of one block; `{ }` holds an empty one."""
    region = parser.parse_region()
    if not region.blocks:
        region.add_block(Block())
    return region
