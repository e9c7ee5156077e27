"""The symbols of a module's top level, each looked up, numbered and shared in constant time.

xDSL's `SymbolTable.lookup_symbol` passes over all operations of the module each time."""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary, WeakValueDictionary

from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Attribute, Operation


def _name(op: Operation) -> str | None:
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else None


class _Symbols:
    """What is known of one module's symbols. An entry counts only while its operation stands there under that name."""

    def __init__(self, module: Operation) -> None:
        self.by_name: WeakValueDictionary[str, Operation] = WeakValueDictionary()
        self.by_value: WeakValueDictionary[tuple[str, int], Operation] = WeakValueDictionary()
        """Those that hold a value, by their name (with and without a number behind it) and the value's hash."""
        self.numbers: dict[str, int] = {}
        """The last number given to a name."""
        for op in (op for region in module.regions for block in region.blocks for op in block.ops):
            self.add(op)

    def add(self, op: Operation) -> None:
        name, value = _name(op), op.properties.get("value")
        if name is None:
            return
        self.by_name.setdefault(name, op)
        if value is not None:
            for base in {name, re.sub(r"_\d+$", "", name)}:
                self.by_value.setdefault((base, hash(value)), op)


_known: WeakKeyDictionary[Operation, _Symbols] = WeakKeyDictionary()
"""Those of each module: a memo, no state, since it is checked against the module."""


def _symbols(module: Operation) -> _Symbols:
    found = _known.get(module)
    if found is None:
        found = _known[module] = _Symbols(module)
    return found


def top_of(op: Operation) -> Operation:
    """The outermost operation around `op`, or itself."""
    while (parent := op.parent_op()) is not None:
        op = parent
    return op


def lookup_symbol(user: Operation, symbol: str | SymbolRefAttr) -> Operation | None:
    """The operation of this symbol on the top level of the module around `user`; None if there is none."""
    module = top_of(user)
    name = symbol if isinstance(symbol, str) else symbol.root_reference.data
    for _ in range(2):
        found = _symbols(module).by_name.get(name)
        if found is not None and found.parent_op() is module and _name(found) == name:
            return found
        _known.pop(module)  # what is not known may have been added, so once more from the module itself
    return None


def symbol_of_value(module: Operation, base: str, value: Attribute) -> Operation | None:
    """The operation called `base` (or that with a number behind it) that holds this value, None if none is known."""
    found = _symbols(module).by_value.get((base, hash(value)))
    stands = found is not None and found.parent_op() is module and found.properties.get("value") == value
    return found if stands else None


def free_symbol(module: Operation, base: str) -> str:
    """A name that no symbol of the module has: `base`, or that with a number behind it."""
    symbols = _symbols(module)
    name, number = base, symbols.numbers.get(base, 0)
    while name in symbols.by_name:
        number += 1
        name = f"{base}_{number}"
    symbols.numbers[base] = number
    return name


def note_symbol(op: Operation) -> None:
    """Makes a symbol known that was just put into its module."""
    _symbols(top_of(op)).add(op)
