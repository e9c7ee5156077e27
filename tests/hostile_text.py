"""Names that would do harm as C, make, CMake or on a terminal, and what is code in the files of an output folder."""

from __future__ import annotations

import re
from pathlib import Path

MARK = "zqx"
"""Part of every hostile name."""

HOSTILE = (
    f"{MARK}*\\\r/\r#error {MARK} became code\r/*",
    f"{MARK}*/\n#error {MARK} became code\n/*",
    f"{MARK}*??/\n/\n#error {MARK} became code\n/*",
    f"{MARK} ends in a backslash\\",
    f"{MARK} ends in a trigraph??/",
    f'{MARK}"; int {MARK}_variable = system("id"); //',
    f"{MARK}$(shell touch {MARK}) `touch {MARK}` ${{{MARK}}} #[[ {MARK}",
    f"{MARK}\x1b]0;title\x07\x1b[2J\x9b31m",
    f"{MARK}\u202egnirts\u2066 \u200b\u2028\u0085 \ufeff",
    f"{MARK}\x00\x01\x7f\x0b\x0c",
    f"{MARK}%s%n%1$x {{0}} \\N{{DIGIT ONE}}",
    f"{MARK}\tint\tmain\n\tall:\n\ttouch {MARK}",
    f"{MARK}'" + "#" * 100_000,
    f"../../{MARK}\\..\\{MARK}\n",
)
"""Each names one thing of a network."""

_TRIGRAPHS = dict(zip("=/'()!<>-", "#\\^[]|{}~", strict=True))
_COMMENT_OR_TEXT = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def c_code(text: str) -> str:
    """C source without comments and literals, as a compiler sees it with trigraphs and spliced lines."""
    text = re.sub(r"\r\n?", "\n", text)
    text = re.sub(r"\?\?([=/'()!<>-])", lambda found: _TRIGRAPHS[found[1]], text)
    text = re.sub(r"\\[ \t]*\n", "", text)
    return _COMMENT_OR_TEXT.sub(" ", text)


def build_code(text: str) -> str:
    """A Makefile or CMakeLists.txt without comments."""
    text = re.sub(r"\\\n", " ", text)
    return re.sub(r"(?<!\\)#[^\n]*", "", text)


def code_of(file: Path) -> str:
    """What is code in a file of an output folder."""
    text = file.read_bytes().decode("ascii")
    if file.suffix in (".c", ".h", ".S", ".ld"):
        return c_code(text)
    return "" if file.suffix in (".json", ".md") else build_code(text)


def is_plain(text: str) -> bool:
    """Whether text may reach a terminal or lie in a source file: printable ASCII, line breaks and tabs."""
    return re.fullmatch(r"[\x20-\x7e\n\t]*", text) is not None
