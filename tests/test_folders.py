"""The folders of the package form layers: no two import each other, and there is no cycle of imports among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "deeploy_mlir"


def modules() -> dict[str, Path]:
    """Module name -> file, for all of the package."""
    names: dict[str, Path] = {}
    for file in PACKAGE.rglob("*.py"):
        dotted = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        names[dotted.removesuffix(".__init__")] = file
    return names


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The package's modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def arrows() -> dict[Path, set[Path]]:
    """Folder -> the other folders that its files import from."""
    known = modules()
    graph: dict[Path, set[Path]] = {}
    for file in known.values():
        targets = {known[name].parent for name in imported(file, known) if name in known}
        graph.setdefault(file.parent, set()).update(targets - {file.parent})
    return graph


def test_no_two_folders_import_each_other() -> None:
    graph = arrows()
    both = {(str(a), str(b)) for a, targets in graph.items() for b in targets if a < b and a in graph.get(b, ())}
    assert both == set()


def test_the_folders_form_layers() -> None:
    order = list(TopologicalSorter(arrows()).static_order())
    assert order.index(PACKAGE / "support") < order.index(PACKAGE / "dialects") < order.index(PACKAGE)


def test_every_import_within_the_package_is_of_a_module_that_exists() -> None:
    known = modules()
    missing = {
        (file.name, name)
        for file in known.values()
        for name in imported(file, known)
        if name.split(".")[0] == PACKAGE.name and name not in known
    }
    assert missing == set()
