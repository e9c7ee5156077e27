"""The one way of text from outside (a model, a file name, an option) to people and into files.

- `printable`, `one_line`, `message` and `label` are for messages, reports and whatever else may reach a terminal;
- `comment` is for comments of C, make and CMake;
- `identifier`, `Identifiers` and `prefix_of` make C names.

What they give is ASCII without control characters: no escape sequences, no line breaks that are not ours, no letters
that look like others or change the direction of writing. Data files (`plan.json`, arrays) keep names as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from deeploy_mlir.support.reserved_words import DEVICES, HEADERS

LONGEST_LABEL = 80
"""Characters of a name that people read."""
LONGEST_WORD = 200
"""Characters of a word in a message."""
LONGEST_MESSAGE = 2000
LONGEST_IDENTIFIER = 63
"""Characters that every C11 compiler tells apart (C11, 5.2.4.1)."""
LONGEST_PREFIX = 44
"""Characters of a network's name: what is appended to it has room within `LONGEST_IDENTIFIER`."""
STEP_MACRO = "DM_STEP"
"""Attributes of every C function that is a step of a network (platform.h), by which it is known as one."""
OWN_FILES = frozenset({"main", "test_data"})
"""C files of every output folder, without extensions."""

_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e]")
_ORDINARY = re.compile(r"[\w .,:/@+=()\[\]-]*", re.ASCII)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("ascii", "backslashreplace").decode() if ord(found[0]) > 0x7F else repr(found[0])[1:-1]


def printable(text: str) -> str:
    r"""The text with everything but printable ASCII, newlines and tabs as an escape such as `\x1b`."""
    return _UNPRINTABLE.sub(_escape, text)


def one_line(text: str) -> str:
    r"""The text as `printable`, newlines and tabs too as `\n` and `\t`."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def message(text: str) -> str:
    """The text as one line; what is too long to be read is left out of the middle of each word, then of the whole."""
    text = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-60:]}", one_line(text))
    half = LONGEST_MESSAGE // 2
    return text if len(text) < LONGEST_MESSAGE else f"{text[:half]} ... {text[-half:]}"


def label(text: str, limit: int = LONGEST_LABEL) -> str:
    """A name for people: one line of at most `limit` characters, cut in its middle."""
    shown = one_line(text[: 2 * limit] + text[2 * limit :][-2 * limit :])
    if len(shown) <= limit:
        return shown
    tail = (limit - 3) // 2
    return f"{shown[: limit - 3 - tail]}...{shown[len(shown) - tail :]}"


def comment(text: str) -> str:
    """One line that stays within a comment of C (either kind), make or CMake, as part of it or whole.

    There is no `*/` nor `/*`, also not by trigraphs or spliced lines, and no backslash before the end of the line."""
    safe = one_line(text).replace("\\", "_")
    return re.sub(r"\?(?=\?)|\*(?=/)|(?<=/)\*", "_", safe)


def identifier(text: str, word: str, limit: int = LONGEST_IDENTIFIER) -> str:
    """A C identifier made of any text: ASCII letters and digits, single underscores between them.

    `word` is put before a digit. It stands alone for text of which nothing is left, and for text with characters that
    no ordinary name has (quotes, line breaks, backslashes and the like)."""
    text = text[: 8 * limit]
    ordinary = text.isprintable() and _ORDINARY.fullmatch(text.encode("ascii", "ignore").decode())
    found = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") if ordinary else ""
    if not found or found[0].isdigit():
        found = f"{word}_{found}"
    return found[:limit].strip("_")


class Identifiers:
    """The C names of one scope, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._count: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def take(self, name: str) -> str:
        """Exactly this name. Raises ValueError if it is given already."""
        if name in self._taken:
            raise ValueError(f"two things are called {name}")
        self._taken.add(name)
        return name

    def fresh(self, base: str, limit: int = LONGEST_IDENTIFIER) -> str:
        """`base`, cut to `limit` characters, with a number where it is given already."""
        name = base = base[:limit]
        while name in self._taken:
            number = self._count[base] = self._count.get(base, 0) + 1
            suffix = f"_{number}"
            name = base[: limit - len(suffix)].rstrip("_") + suffix
        self._taken.add(name)
        return name


def run_symbol(prefix: str) -> str:
    """The C function of one inference."""
    return f"{prefix}_run"


def input_symbol(prefix: str, number: int) -> str:
    """The C array of a network's input."""
    return f"{prefix}_input_{number}"


def output_symbol(prefix: str, number: int) -> str:
    """The C array of a network's output."""
    return f"{prefix}_output_{number}"


def prefix_problem(name: str) -> str | None:
    """Why a network cannot be called `name` in C, where every name begins with its own; None if it can."""
    folded = name.lower()
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return "letters, digits and _ make one, no digit first"
    if len(name) > LONGEST_PREFIX:
        return f"it has more than {LONGEST_PREFIX} characters"
    if name.startswith("_") or name.endswith("_") or "__" in name:
        return "an underscore at an end, or two in a row, make names that C and C++ reserve"
    if folded == "dm" or folded.startswith("dm_"):
        return "names that begin with dm_ are the runtime's"
    if folded in HEADERS:
        return f"{folded}.h is a system header"
    if folded in OWN_FILES or folded in DEVICES:
        return f"there is another file called {folded}"
    return None


def prefix_of(text: str) -> str:
    """The C prefix of a network that is called `text`; one that `prefix_problem` has nothing against."""
    name = identifier(text, "net", LONGEST_PREFIX)
    if prefix_problem(name) is not None:
        name = identifier(f"net_{name}", "net", LONGEST_PREFIX)
    return name
