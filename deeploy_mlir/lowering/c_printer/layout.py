"""Lines: indentation, the 100 column limit, comments."""

from __future__ import annotations

import textwrap

from deeploy_mlir.support import names

WIDTH = 100
INDENT = "    "


def _is_good_break(text: str, at: int) -> bool:
    """Whether the space at `at` follows a comma or an operator, and not the words of a declaration or a cast."""
    if text[at - 1] in ",;":
        return True
    operator = text[max(0, at - 3) : at].rpartition(" ")[2]
    return bool(operator) and all(ch in "+-*/%&|^<>=!?:" for ch in operator) and " " in text[max(0, at - 3) : at]


def _breaks(text: str) -> list[tuple[int, int]]:
    """Positions of the spaces outside quotes, with a cost: the depth of brackets around, and much if it reads badly."""
    result: list[tuple[int, int]] = []
    depth, quote, escaped = 0, "", False
    for i, ch in enumerate(text):
        if quote:
            if ch == quote and not escaped:
                quote = ""
            escaped = ch == "\\" and not escaped
        elif ch in "\"'":
            quote = ch
        elif ch in "([{":
            depth += 1
        elif ch in ")]}":
            depth -= 1
        elif ch == " ":
            result.append((i, depth if _is_good_break(text, i) else depth + 100))
    return result


def wrap(text: str, level: int) -> list[str]:
    """A statement as lines of at most 100 columns where it can be broken, continued two levels deeper."""
    prefix = INDENT * level
    if len(prefix) + len(text) <= WIDTH or text.startswith("#"):
        return [prefix + text]
    lines: list[str] = []
    places = _breaks(text)
    start = 0
    while len(prefix) + len(text) - start > WIDTH:
        room = WIDTH - len(prefix)
        fitting = [(d, -i) for i, d in places if start + room // 3 < i <= start + room]
        later = [i for i, _ in places if i > start + room]
        if not fitting and not later:
            break
        at = -min(fitting)[1] if fitting else later[0]
        lines.append(prefix + text[start:at])
        start = at + 1
        prefix = INDENT * (level + 2)
    lines.append(prefix + text[start:])
    return lines


def comment(text: str, level: int) -> list[str]:
    """Comment lines, which nothing in the text can end or continue."""
    prefix = INDENT * level + "// "
    width = max(40, WIDTH - len(prefix))
    lines: list[str] = []
    for paragraph in text.split("\n"):
        wrapped = textwrap.wrap(names.comment(paragraph.rstrip()), width, break_on_hyphens=False)
        lines.extend((prefix + line).rstrip() for line in wrapped or [""])
    return lines
