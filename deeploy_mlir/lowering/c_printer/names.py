"""Names of locals: taken from the IR's hints, valid C, unique in their scope and those around it."""

from __future__ import annotations

import re
from collections.abc import Generator, Set
from contextlib import contextmanager

KEYWORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    asm typeof alignas alignof bool true false nullptr constexpr static_assert thread_local NULL EOF errno assert
    INFINITY NAN HUGE_VAL I complex imaginary main stdin stdout stderr offsetof va_list va_arg size_t ptrdiff_t
    class namespace template this new delete private public protected virtual operator export friend using try
    catch throw typename mutable explicit xor and or not bitand bitor compl near far interrupt linux unix""".split()
)
"""Words that are no name in C or C++, or a macro of a standard header or of a compiler."""

_MACRO_LIKE = re.compile(r"U?INT(MAX|PTR|\d|_)|M_|DM_|SIZE_|FLT_|DBL_|_")
_TYPE_LIKE = re.compile(r"u?int\w*_t$")


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
        return (
            name not in KEYWORDS
            and not _MACRO_LIKE.match(name)
            and not _TYPE_LIKE.match(name)
            and not any(name in scope for scope in (*self._reserved, *self._scopes))
        )

    def fresh(self, hint: str | None) -> str:
        """A name like `hint` that nothing around uses."""
        base = re.sub(r"\W", "_", hint or "t", flags=re.ASCII).strip("_") or "t"
        if base[0].isdigit():
            base = f"v{base}"
        name, n = base, max(scope.get(base, 0) for scope in self._scopes)
        while not self._is_free(name):
            n += 1
            name = f"{base}_{n}" if not _MACRO_LIKE.match(base) else f"v_{base}_{n}"
        self._scopes[-1][base] = n
        self._scopes[-1].setdefault(name, 0)
        return name
