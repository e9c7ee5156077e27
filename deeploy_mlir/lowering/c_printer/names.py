"""Names of locals: taken from the IR's hints, valid C, unique in their scope and those around it."""

from __future__ import annotations

from collections.abc import Generator, Set
from contextlib import contextmanager

from deeploy_mlir.support.names import identifier
from deeploy_mlir.support.reserved_words import is_macro_like, is_reserved


class Names:
    """The names in use, scope by scope."""

    def __init__(self, *reserved: Set[str]) -> None:
        """`reserved`: names in use outside, which are read and not changed."""
        self._reserved = reserved
        self._scopes: list[dict[str, int]] = [{}]
        """The names of each open scope, each with the last number that was tried behind it."""

    @contextmanager
    def scope(self) -> Generator[None]:
        """Names made inside end with the with statement."""
        self._scopes.append({})
        try:
            yield
        finally:
            self._scopes.pop()

    def _is_free(self, name: str) -> bool:
        return not is_reserved(name) and not any(name in scope for scope in (*self._reserved, *self._scopes))

    def fresh(self, hint: str | None) -> str:
        """A name like `hint` that nothing around uses."""
        base = identifier(hint or "t", "v")
        if is_macro_like(base):
            base = f"v_{base}"
        name, n = base, max(scope.get(base, 0) for scope in self._scopes)
        while not self._is_free(name):
            n += 1
            name = f"{base}_{n}"
        self._scopes[-1][base] = n
        self._scopes[-1].setdefault(name, 0)
        return name
