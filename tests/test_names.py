"""Text from outside: in messages, in comments, in C names; every name compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import deeploy_mlir
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import (
    LONGEST_IDENTIFIER,
    LONGEST_PREFIX,
    Identifiers,
    comment,
    identifier,
    label,
    message,
    one_line,
    prefix_of,
    prefix_problem,
    printable,
)
from deeploy_mlir.support.reserved_words import HEADERS, KEYWORDS

from .hostile_text import HOSTILE, c_code, is_plain

X = np.arange(8, dtype=np.float32).reshape(1, 8)
W = np.arange(8, dtype=np.float32) * 2

AWKWARD = (
    *("193", "__1", "_1", "é1", "é2", "", "run", "input_0", "output_0", "l1", "l2", "ram", "wmem", "map_1", "cluster"),
    *(
        "net",
        "net_run",
        "net_input_0",
        "NET_INPUT_0_ELEMENTS",
        "NET_H",
        "H",
        "weight",
        "weights",
        "weight_w",
        "siracusa",
    ),
    *(
        "int",
        "class",
        "INT8_MAX",
        "I",
        "NULL",
        "errno",
        "main",
        "printf",
        "_Bool",
        "__func__",
        "a.b",
        "a/b",
        "a b",
        "A_B",
    ),
    *(
        "constant",
        "constant_1",
        "X",
        "Y",
        "in0",
        "out",
        "core",
        "tile",
        "00_add",
        "onnx::Add_193",
        "名前",
        "a" * 100_000,
    ),
)
"""Names of initializers."""

NETWORKS = (
    *("stdint", "string", "time", "dm_math", "main", "printf", "int", "class", "INT8_MAX", "I", "NULL", "errno"),
    *(
        "Main",
        "STDINT",
        "test_data",
        "193",
        "__1",
        "_Foo",
        "a__b",
        "a_",
        "nul",
        "dm_test",
        "siracusa",
        "x",
        "é1",
        "m-1.2",
    ),
    "n" * 120,
)


def scaled(*names: str, graph: str = "graph") -> onnx.ModelProto:
    """y = x plus the initializers of these names, each of which holds `W` and its number."""
    chain = ["x", *(f"sum {i}" for i in range(1, len(names))), "y"]
    nodes = [helper.make_node("Add", [chain[i], name or "unnamed"], [chain[i + 1]]) for i, name in enumerate(names)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("x", "y")]
    weights = [numpy_helper.from_array(W + i, name or "unnamed") for i, name in enumerate(names)]
    made = helper.make_graph(nodes, graph, [ends[0]], [ends[1]], weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@given(st.text() | st.sampled_from(HOSTILE))
def test_messages_are_printable_and_names_short(text: str) -> None:
    assert is_plain(printable(text))
    assert is_plain(one_line(text))
    assert "\n" not in one_line(text)
    assert len(label(text)) <= 80
    assert is_plain(label(text))
    assert is_plain(str(DeeployError(text, text, details=text)))
    assert "\n" not in str(DeeployError(text, text))
    assert len(message(text * 9)) < 2100


def test_names_are_shown_as_they_are_where_they_can_be() -> None:
    assert label("/model/conv1.weight: [1, 8]") == "/model/conv1.weight: [1, 8]"
    assert label("é\x1b\n") == "\\xe9\\x1b\\n"
    assert label("a" * 60 + "b" * 60) == "a" * 39 + "..." + "b" * 38


@given(st.lists(st.sampled_from([*"*/\\?'=\r\n# ab", "??/", "//", "/*", "*/", *HOSTILE])).map("".join))
def test_a_comment_stays_one(text: str) -> None:
    said = comment(text)
    assert is_plain(said)
    assert re.sub(r"\s", "", c_code(f"a // {said}\nb /* {said} */ c")) == "abc"
    assert "/*" not in said


@given(st.text() | st.sampled_from(HOSTILE) | st.text("ab_019 /."))
def test_identifiers_are_c_identifiers(text: str) -> None:
    for word, limit in (("constant", LONGEST_IDENTIFIER), ("net", LONGEST_PREFIX)):
        name = identifier(text, word, limit)
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
        assert len(name) <= limit
        assert "__" not in name
    assert prefix_problem(prefix_of(text)) is None


@pytest.mark.parametrize("name", sorted({*KEYWORDS, *HEADERS, *NETWORKS, "con", "Makefile", "plan"}))
def test_a_prefix_is_made_of_any_name(name: str) -> None:
    assert prefix_problem(prefix_of(name)) is None
    if prefix_problem(name) is None:
        assert prefix_of(name) == name


def test_ordinary_names_stay() -> None:
    for name in ("kws", "MobileNetV2_050", "net1", "resnet18_int8", "a_b_c"):
        assert prefix_problem(name) is None
        assert prefix_of(name) == name


def test_names_of_a_scope_are_given_once() -> None:
    names = Identifiers(["run"])
    assert [names.fresh("run"), names.fresh("run"), names.fresh("run_1"), names.take("go")] == [
        "run_1",
        "run_2",
        "run_1_1",
        "go",
    ]
    long = [names.fresh("w" * 100) for _ in range(12)]
    assert len(set(long)) == 12
    assert max(map(len, long)) == LONGEST_IDENTIFIER
    with pytest.raises(ValueError, match="two things are called go"):
        names.take("go")


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_any_name_of_an_initializer_compiles(target: str) -> None:
    program = deeploy_mlir.compile(scaled(*AWKWARD), target=target, name="net")
    names = re.findall(r"\bnet_weight_\w+(?=\[)", program.sources["net_weights.c"])
    assert len(set(names)) == len(AWKWARD)
    assert max(map(len, names)) == LONGEST_IDENTIFIER
    expected = X + len(AWKWARD) * W + sum(range(len(AWKWARD)))
    np.testing.assert_array_equal(program.run({"x": X})["y"], expected)


def test_initializers_may_be_called_as_the_network() -> None:
    for name in ("own", "OWN"):
        program = deeploy_mlir.compile(scaled("own", "own_run", "OWN", "own_own"), target="generic", name=name)
        np.testing.assert_array_equal(program.run({"x": X})["y"], X + 4 * W + 6)


@pytest.mark.parametrize("name", NETWORKS)
def test_any_name_of_a_network_compiles(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(scaled("w").SerializeToString())
    program = deeploy_mlir.compile(file, target="generic")
    execution = program.execute({"x": X})
    np.testing.assert_array_equal(execution.outputs["y"], X + W)
    assert execution.warnings == ""


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
def test_the_headers_are_for_c_plus_plus_too(tmp_path: Path) -> None:
    folder = deeploy_mlir.compile(scaled("class"), target="generic", name="template").save(tmp_path / "out")
    main = tmp_path / "main.cpp"
    main.write_text(
        '#include "template.h"\n#include "template_weights.h"\n'
        "int main() { template_run(); return template_output_0[1] == template_input_0[1] + 2 ? 0 : 1; }\n"
    )
    places = (".", "runtime/include", "runtime/kernels", "runtime/platforms/host")
    flags = ["-Wall", "-Wextra", "-Werror", *(f"-I{folder / place}" for place in places)]
    sources = [file for place in places for file in (folder / place).glob("*.c") if file.name != "main.c"]
    objects = [tmp_path / f"{file.stem}.o" for file in sources]
    for file, made in zip(sources, objects, strict=True):
        subprocess.run(["gcc", "-std=c11", *flags, "-c", file, "-o", made], check=True)
    subprocess.run(["g++", "-std=c++17", *flags, main, *objects, "-lm", "-o", tmp_path / "program"], check=True)
    subprocess.run([tmp_path / "program"], check=True)


def test_a_changed_name_of_a_network_is_told(caplog: pytest.LogCaptureFixture) -> None:
    deeploy_mlir.compile(scaled("w", graph="time"), target="generic")
    assert "remark: time: C names begin with net_time, since time.h is a system header" in caplog.text
    caplog.clear()
    deeploy_mlir.compile(scaled("w", graph="my-model 1.2"), target="generic")
    assert "C names" not in caplog.text


def test_the_name_that_is_asked_for_is_taken_or_refused() -> None:
    assert set(deeploy_mlir.compile(scaled("w"), target="generic", name="kws").sources) >= {"kws.c", "kws.h"}
    for name, reason in {
        "stdint": "stdint.h is a system header; --name net_stdint would do",
        "a b": "letters, digits and _",
        "dm_test": "the runtime's",
        "a__b": "two in a row",
        "x" * 50: "more than 44 characters",
        "\x1b[2J": r"'\\x1b\[2J'",
        "": "letters, digits and _",
    }.items():
        with pytest.raises(DeeployError, match=reason):
            deeploy_mlir.compile(scaled("w"), target="generic", name=name)
