"""The files of an output folder that are neither the network's code nor the runtime's: test data, Makefile, CMake."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeploy_mlir.program.network import Network, TensorInfo
from deeploy_mlir.targets.siracusa.toolchain import toolchain as siracusa_toolchain

INCLUDES = (".", "runtime/include", "runtime/kernels")


def test_data(network: Network, inputs: Sequence[bytes]) -> str:
    """`test_data.h`: the input bytes, room for the outputs, and tables of both for main.c."""
    lines = [
        f"/* Inputs for one run of {network.name}, and where its outputs go; bytes in little-endian order. */",
        "#include <stdint.h>",
        "",
        f'#include "{network.name}.h"',
        "",
        f"#define DM_TEST_RUN {network.name}_run",
        f"#define DM_TEST_INPUTS {len(network.inputs)}u",
        f"#define DM_TEST_OUTPUTS {len(network.outputs)}u",
        "",
        "#ifndef DM_TEST_DIRECT",
        "typedef struct {",
        "  void *network; /* the network's own buffer */",
        "  unsigned char *test;",
        "  uint32_t bytes;",
        "} dm_test_tensor;",
    ]
    for index, (tensor, data) in enumerate(zip(network.inputs, inputs, strict=True)):
        lines += ["", f"/* {_describe(tensor)} */"]
        lines.append(f"unsigned char dm_test_input_{index}[{max(1, tensor.bytes)}] = {{")
        rows = [data[i : i + 20] for i in range(0, len(data), 20)] or [b"\0"]
        lines += ["  " + " ".join(f"{byte}," for byte in row) for row in rows] + ["};"]
    for index, tensor in enumerate(network.outputs):
        lines += ["", f"/* {_describe(tensor)} */"]
        lines.append(f"unsigned char dm_test_output_{index}[{max(1, tensor.bytes)}];")
    lines += ["", *_table(network, "input", network.inputs), "", *_table(network, "output", network.outputs), "#endif"]
    return "\n".join(lines) + "\n"


def _describe(tensor: TensorInfo) -> str:
    """`name: dtype[shape]`, safe inside a comment."""
    name = tensor.name.replace("*/", "* /").replace("\n", " ")
    return f"{name}: {tensor.dtype}[{', '.join(map(str, tensor.shape))}]"


def _table(network: Network, kind: str, tensors: Sequence[TensorInfo]) -> list[str]:
    rows = [
        f"    {{(void *){network.name}_{kind}_{i}, dm_test_{kind}_{i}, {tensor.bytes}u}},"
        for i, tensor in enumerate(tensors)
    ]
    return [f"static const dm_test_tensor dm_test_{kind}s[] = {{", *(rows or ["    {0, 0, 0},"]), "};"]


@dataclass(frozen=True)
class Recipe:
    """How a platform's program is compiled: what replaces `cc`, flags before the sources and after them."""

    compiler: str
    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ("-lm",)
    runs_here: bool = True


def recipe(platform: str, core_stack_bytes: int | None = None) -> Recipe:
    """The recipe of one platform, with paths relative to the output folder."""
    if platform == "siracusa":
        tools = siracusa_toolchain()
        words = ["python3" if word == sys.executable else word for word in tools.command]
        link = tuple(
            f"runtime/platforms/{platform}/{Path(word).name}" if word.endswith(".ld") else word
            for word in tools.link_flags
        )
        if core_stack_bytes is not None:
            link = (*link, f"-Wl,--defsym=__dm_core_stack_size={core_stack_bytes}")
        return Recipe(shlex.join(words), tools.flags, link, runs_here=False)
    return Recipe("cc", ("-pthread",) if platform == "threads" else ())


def makefile(network: Network, target: str, sources: Sequence[str], recipes: Mapping[str, Recipe]) -> str:
    """A Makefile for the test program, on any of the platforms that have a recipe; the first is the default."""
    platforms = list(recipes)
    elsewhere = [platform for platform, r in recipes.items() if not r.runs_here]
    lines = [
        f"# {network.name}, compiled for {target}. `make` builds the test program, `make run` runs it.",
        f"# PLATFORM: {' or '.join(platforms)}, or a folder of user/platforms. CC and CFLAGS are yours to set, also in",
        "# user/config.mk. C files in user/ are built instead of main.c. `deeploy compile` never writes into user/.",
        "-include user/config.mk",
        f"NAME = {network.name}",
        f"PLATFORM ?= {platforms[0]}",
        "CFLAGS ?= -O3",
        "",
        *(f"COMPILER_{platform} = {r.compiler}" for platform, r in recipes.items()),
        *(f"FLAGS_{platform} = {shlex.join(r.flags)}" for platform, r in recipes.items()),
        *(f"LINK_{platform} = {shlex.join(r.link_flags)}" for platform, r in recipes.items()),
        "ifeq ($(origin CC),default)",
        "CC = $(or $(COMPILER_$(PLATFORM)),cc)",
        "endif",
        "",
        "MAIN = $(or $(wildcard user/*.c),main.c)",
        f"SOURCES = {_wrapped(sources)}",
        "FOLDER = $(firstword $(wildcard user/platforms/$(PLATFORM)) runtime/platforms/$(PLATFORM))",
        "PLATFORM_SOURCES = $(wildcard $(FOLDER)/*.c $(FOLDER)/*.S)",
        f"INCLUDES = {' '.join('-I' + i for i in INCLUDES)} -I$(FOLDER)",
        "HEADERS = $(wildcard *.h runtime/*/*.h runtime/*/*/*.h user/*.h $(FOLDER)/*.h) Makefile",
        "PROGRAM = build/$(NAME)_$(PLATFORM)",
        "",
        "all: $(PROGRAM)",
        "",
        "$(PROGRAM): $(MAIN) $(SOURCES) $(PLATFORM_SOURCES) $(HEADERS)",
        "\tmkdir -p build",
        "\t$(CC) -std=c11 -Wall -Wextra $(CFLAGS) $(FLAGS_$(PLATFORM)) $(INCLUDES) \\",
        "\t  $(MAIN) $(SOURCES) $(PLATFORM_SOURCES) $(or $(LINK_$(PLATFORM)),-lm) -o $@",
        "",
        "run: $(PROGRAM)",
        f"ifneq ($(filter $(PLATFORM),{' '.join(elsewhere)}),)",
        f'\t@echo "$(PROGRAM) does not run on this machine: deeploy run .{_run_here(recipes)}"; exit 1',
        "else",
        "\t./$(PROGRAM)",
        "endif",
        "",
        "clean:",
        "\trm -rf build",
        "",
        ".PHONY: all run clean",
    ]
    return "\n".join(lines) + "\n"


def _run_here(recipes: Mapping[str, Recipe]) -> str:
    return "".join(f", or make run PLATFORM={platform}" for platform, r in recipes.items() if r.runs_here)


def _wrapped(words: Sequence[str]) -> str:
    return " \\\n  ".join(words)


def cmake_lists(network: Network, target: str, sources: Sequence[str], recipes: Mapping[str, Recipe]) -> str:
    """A CMakeLists.txt with the network as a library and the test program."""
    name, platforms = network.name, list(recipes)
    library = f"{name}_network"
    lines = [
        f"# {name}, compiled for {target}. PLATFORM: {' or '.join(platforms)}, or a folder of user/platforms.",
        "# C files in user/ are built instead of main.c. `deeploy compile` never writes into user/.",
        "cmake_minimum_required(VERSION 3.16)",
        f"project({name} C)" if all(r.runs_here for r in recipes.values()) else f"project({name} C ASM)",
        f'set(PLATFORM {platforms[0]} CACHE STRING "{" or ".join(platforms)}")',
        "set(CMAKE_C_STANDARD 11)",
        "set(CMAKE_C_EXTENSIONS OFF)",
        "if(NOT CMAKE_BUILD_TYPE)",
        "  set(CMAKE_BUILD_TYPE Release)",
        "endif()",
        "",
        f"add_library({library} STATIC",
        *(f"  {source}" for source in sources),
        ")",
        "set(here ${CMAKE_CURRENT_SOURCE_DIR})",
        "set(platform ${here}/runtime/platforms/${PLATFORM})",
        "if(EXISTS ${here}/user/platforms/${PLATFORM})",
        "  set(platform ${here}/user/platforms/${PLATFORM})",
        "endif()",
        f"target_include_directories({library} PUBLIC {' '.join(INCLUDES)} ${{platform}})",
        f"target_compile_options({library} PUBLIC -Wall -Wextra)",
        *_cmake_flags(library, recipes),
        "",
        "file(GLOB platform_sources CONFIGURE_DEPENDS ${platform}/*.c ${platform}/*.S)",
        "file(GLOB main CONFIGURE_DEPENDS ${here}/user/*.c)",
        "if(NOT main)",
        "  set(main main.c)",
        "endif()",
        f"add_executable({name}_test ${{main}} ${{platform_sources}})",
        f"target_link_libraries({name}_test PRIVATE {library})",
    ]
    return "\n".join(lines) + "\n"


def _cmake_flags(library: str, recipes: Mapping[str, Recipe]) -> list[str]:
    lines: list[str] = []
    for platform, r in recipes.items():
        link = [word.replace("runtime/", "${CMAKE_CURRENT_SOURCE_DIR}/runtime/") for word in r.link_flags]
        lines.append(f"if(PLATFORM STREQUAL {platform})")
        if r.flags:
            lines.append(f'  target_compile_options({library} PUBLIC "SHELL:{" ".join(r.flags)}")')
        lines.append(f'  target_link_libraries({library} PUBLIC "{" ".join([*r.flags, *link])}")')
        lines.append("endif()")
    return lines
