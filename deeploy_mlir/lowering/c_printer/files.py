"""A `c.file` as text: includes, guards, data, functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, SymbolRefAttr
from xdsl.ir import Attribute, Operation

from deeploy_mlir.dialects import c
from deeploy_mlir.lowering.c_printer import layout
from deeploy_mlir.lowering.c_printer.body import BodyPrinter, parameters
from deeploy_mlir.lowering.c_printer.data import initial_value
from deeploy_mlir.lowering.c_printer.names import Names
from deeploy_mlir.lowering.c_printer.spelling import Spelling
from deeploy_mlir.support.errors import DeeployError

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_OWN_NAMES = frozenset(("sym_name", "arg_names", "field_names", "field"))
"""Properties with names that have a scope of their own."""
_STORAGE = frozenset(("const", "volatile"))


def _texts(attribute: Attribute | None) -> Iterator[str]:
    """Every piece of C text, and every symbol, in an attribute."""
    if isinstance(attribute, StringAttr):
        yield attribute.data
    elif isinstance(attribute, SymbolRefAttr):
        yield attribute.root_reference.data
    elif isinstance(attribute, ArrayAttr):
        for item in cast("ArrayAttr[Attribute]", attribute):
            yield from _texts(item)


def _mentioned(op: Operation) -> set[str]:
    """The identifiers in the C text that an operation holds, the names that it defines aside."""
    names: set[str] = set()
    for key, attribute in op.properties.items():
        if key not in _OWN_NAMES and not isinstance(op, c.AsmOp | c.CommentOp | c.FileOp | c.IncludeOp):
            for text in _texts(attribute):
                names.update(_IDENTIFIER.findall(text))
    for result in op.results:
        if isinstance(result.type, c.OpaqueType):
            names.update(_IDENTIFIER.findall(result.type.value.data))
    return names


class Program:
    """What is known of a whole module before its files are printed."""

    def __init__(self, module: ModuleOp) -> None:
        self.files = [op for op in module.ops if isinstance(op, c.FileOp)]
        others = [op.name for op in module.ops if not isinstance(op, c.FileOp)]
        if others:
            raise DeeployError(f"{others[0]} cannot be printed as C: the module must hold c.file only")
        self.reserved: set[str] = set()
        """Names of file level, which locals must not hide."""
        for file in self.files:
            for op in file.body.block.ops:
                if isinstance(op, c.FuncOp | c.GlobalOp):
                    self.reserved.add(op.sym_name.data)
                if not isinstance(op, c.FuncOp):
                    self.reserved |= _mentioned(op)
        self.symbols = c.SymbolTable(module)
        for path, count in Counter(f.path.data for f in self.files).items():
            if count > 1:
                raise DeeployError(f"two files are called {path}")


def unused_statics(file: c.FileOp) -> set[Operation]:
    """Functions and data that are static to the file and that nothing in it uses, which compilers warn of."""
    if file.path.data.endswith(".h"):
        return set()
    definitions = [op for op in file.body.block.ops if isinstance(op, c.FuncOp | c.GlobalOp)]
    mentions = {op: set[str]().union(*(_mentioned(inner) for inner in op.walk())) for op in definitions}
    loose = set[str]()
    for op in file.body.block.ops:
        if not isinstance(op, c.FuncOp | c.GlobalOp | c.DeclareFuncOp):
            loose |= _mentioned(op)
    live = [op for op in definitions if "static" not in op.words or op.sym_name.data in loose]
    reached = set[Operation](live)
    by_name = {op.sym_name.data: op for op in definitions}
    while live:
        for op in (by_name[name] for name in mentions[live.pop()] if name in by_name):
            if op not in reached:
                reached.add(op)
                live.append(op)
    return {op for op in definitions if op not in reached}


class FilePrinter:
    """Prints one file."""

    def __init__(self, file: c.FileOp, program: Program, index_type: str) -> None:
        self.file = file
        self.program = program
        self.spelling = Spelling(index_type)

    def print(self) -> str:
        """The text of the file."""
        unused = unused_statics(self.file)
        operations = [op for op in self.file.body.block.ops if op not in unused]
        operations = [op for op in operations if not (isinstance(op, c.DeclareFuncOp) and self._target(op) in unused)]
        if any("NULL" in _mentioned(inner) for op in operations for inner in op.walk()):
            self.spelling.headers.add("stddef.h")
        head: list[str] = []
        while operations and isinstance(first := operations[0], c.CommentOp):
            head.extend(layout.comment(first.text.data, 0))
            del operations[0]
        body: list[str] = []
        previous: Operation | None = None
        for op in operations:
            if isinstance(op, c.IncludeOp) and op.standard is not None:
                continue  # at the top, with those that the text needs
            if previous is not None and self._apart(previous, op):
                body.append("")
            body.extend(self._operation(op))
            previous = op
        return "\n".join(self._assemble(head, body, operations)) + "\n"

    def _target(self, op: c.DeclareFuncOp | c.DeclareGlobalOp) -> Operation | None:
        return op.target(self.program.symbols)

    def _assemble(self, head: list[str], body: list[str], operations: list[Operation]) -> list[str]:
        given = {op.header.data for op in operations if isinstance(op, c.IncludeOp) and op.standard is not None}
        standard = [f"#include <{h}>" for h in sorted(self.spelling.headers | given)]
        lines = list(head)
        path = self.file.path.data
        guard = re.sub(r"\W", "_", path, flags=re.ASCII).upper() if path.endswith(".h") else None
        if guard is not None:
            if guard[0].isdigit():
                guard = f"H_{guard}"
            lines += [f"#ifndef {guard}", f"#define {guard}", ""]
        elif head:
            lines.append("")
        lines += standard
        if standard and body and not body[0].startswith("#include"):
            lines.append("")
        lines += body
        if guard is not None:
            lines += ["", f"#endif  // {guard}"]
        return lines

    @staticmethod
    def _apart(before: Operation, after: Operation) -> bool:
        """Whether a blank line separates two operations."""
        if isinstance(before, c.CommentOp):
            return False
        large = c.FuncOp | c.StructOp
        if isinstance(before, c.FuncOp) and isinstance(after, c.FuncOp):
            return before.block is not None or after.block is not None
        return isinstance(before, large) or isinstance(after, large | c.CommentOp) or type(before) is not type(after)

    def _operation(self, op: Operation) -> list[str]:
        match op:
            case c.IncludeOp():
                return [f'#include "{op.header.data}"']
            case c.DefineOp():
                return [f"#define {op.macro.data} {op.value.data}".rstrip()]
            case c.CommentOp():
                return layout.comment(op.text.data, 0)
            case c.VerbatimOp():
                return op.value.data.splitlines()
            case c.StructOp():
                fields = [f"    {self.spelling.declare(t, name)};" for name, t in op.fields]
                return ["typedef struct {", *fields, f"}} {op.struct_name.data};"]
            case c.GlobalOp():
                return self._global(op)
            case c.FuncOp():
                return self._function(op)
            case c.DeclareFuncOp():
                return self._declare_function(op)
            case c.DeclareGlobalOp():
                return self._declare_global(op)
            case _:
                raise DeeployError(f"{op.name} cannot stand on the level of a C file")

    def _global(self, op: c.GlobalOp) -> list[str]:
        declaration = " ".join((*op.words, self.spelling.declare(op.type, op.sym_name.data)))
        if op.value is None:
            return layout.wrap(f"{declaration};", 0)
        value = initial_value(op.value, op.type, self.spelling)
        lines = f"{declaration} = {value};".split("\n")
        return lines if len(lines) > 1 else layout.wrap(lines[0], 0)

    def _heading(self, op: c.FuncOp, words: Iterable[str], names: list[str]) -> str:
        result = op.result_type
        returned = "void " if result is None else self.spelling.declare(result, "")
        prefix = "".join(f"{w} " for w in words)
        return f"{prefix}{returned}{op.sym_name.data}({parameters(self.spelling, op, names)})"

    def _function(self, op: c.FuncOp) -> list[str]:
        if op.block is None:
            return layout.wrap(f"{self._heading(op, op.words, self._argument_names(op))};", 0)
        used = set[str]().union(*(_mentioned(inner) for inner in op.walk()))
        names, lines = BodyPrinter(op, self.spelling, self.program.reserved, used).print()
        return [*layout.wrap(f"{self._heading(op, op.words, names)} {{", 0), *lines, "}"]

    def _argument_names(self, op: c.FuncOp) -> list[str]:
        names = Names(self.program.reserved)
        return [names.fresh(hint) for hint, _ in op.arguments]

    def _declare_function(self, op: c.DeclareFuncOp) -> list[str]:
        target = self._target(op)
        if not isinstance(target, c.FuncOp):
            raise DeeployError(f"{op.symbol} is no function of this module")
        return layout.wrap(f"{self._heading(target, target.words, self._argument_names(target))};", 0)

    def _declare_global(self, op: c.DeclareGlobalOp) -> list[str]:
        target = self._target(op)
        if not isinstance(target, c.GlobalOp):
            raise DeeployError(f"{op.symbol} is no global of this module")
        # The alignment too: a compiler that does not see the definition assumes more for large arrays.
        words = ["extern", *(w for w in target.words if w in _STORAGE or w.startswith("DM_ALIGN("))]
        return layout.wrap(f"{' '.join(words)} {self.spelling.declare(target.type, target.sym_name.data)};", 0)
