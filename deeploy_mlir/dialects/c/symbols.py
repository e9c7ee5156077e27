"""Symbols of a `c` module (a module holds files, files hold functions and globals), and regions of one block."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import FunctionType, StringAttr
from xdsl.ir import Attribute, Block, Operation, Region
from xdsl.parser import Parser

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


def _symbols_in(container: Operation, name: str) -> Iterator[Operation]:
    for region in container.regions:
        for block in region.blocks:
            for op in block.ops:
                if op.name == "c.file":
                    yield from _symbols_in(op, name)
                elif op.name in ("c.func", "c.global") and symbol_name(op) == name:
                    yield op


def find_symbol(user: Operation, name: str) -> Operation | None:
    """The `c.func` or `c.global` called `name` that `user` refers to: of its own file first, then of any file.

    Linear in the number of symbols."""
    for scope in ("c.file", "builtin.module"):
        container = enclosing(user, scope)
        if container is not None:
            found = next(_symbols_in(container, name), None)
            if found is not None:
                return found
    return None


def find_function(user: Operation, name: str) -> FunctionType | None:
    """The type of the `c.func` called `name`."""
    op = find_symbol(user, name)
    t = op.properties.get("function_type") if op is not None else None
    return t if isinstance(t, FunctionType) else None


def find_global_type(user: Operation, name: str) -> Attribute | None:
    """The type of the `c.global` called `name`."""
    op = find_symbol(user, name)
    return op.properties.get("type") if op is not None and op.name == "c.global" else None


def parse_block(parser: Parser) -> Region:
    """A region of one block; `{ }` holds an empty one."""
    region = parser.parse_region()
    if not region.blocks:
        region.add_block(Block())
    return region
