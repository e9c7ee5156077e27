"""The files of an output folder that are neither the network's code nor the runtime's: test data, Makefile, CMake."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from deeploy_mlir.machine.platform import Platform
from deeploy_mlir.machine.toolchain import ZIG, Toolchain
from deeploy_mlir.program.network import Network, TensorInfo
from deeploy_mlir.support.names import comment, input_symbol, label, output_symbol, run_symbol

INCLUDES = (".", "runtime/include", "runtime/kernels")
"""Folders on the include path, besides the platform's own."""

ZIG_COMMAND = "python3 -m ziglang"
"""How build files call zig unless told otherwise."""


def test_data(network: Network, inputs: Sequence[bytes | None]) -> str:
    """`test_data.h`: the input bytes (None: zeros), room for the outputs, and tables of both for main.c."""
    lines = [
        f"/* Inputs for one run of {network.name}, and where its outputs go; bytes in little-endian order. */",
        "#include <stdint.h>",
        "",
        f'#include "{network.name}.h"',
        "",
        f"#define DM_TEST_RUN {run_symbol(network.name)}",
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
        array = f"unsigned char dm_test_input_{index}[{max(1, tensor.bytes)}]"
        if data is None:
            lines.append(f"{array}; /* zeros */")
            continue
        lines.append(f"{array} = {{")
        rows = [data[i : i + 20] for i in range(0, len(data), 20)] or [b"\0"]
        lines += ["  " + " ".join(f"{byte}," for byte in row) for row in rows] + ["};"]
    for index, tensor in enumerate(network.outputs):
        lines += ["", f"/* {_describe(tensor)} */"]
        lines.append(f"unsigned char dm_test_output_{index}[{max(1, tensor.bytes)}];")
    name = network.name
    lines += ["", *_table("input", lambda i: input_symbol(name, i), network.inputs)]
    lines += ["", *_table("output", lambda i: output_symbol(name, i), network.outputs), "#endif"]
    return "\n".join(lines) + "\n"


def _describe(tensor: TensorInfo) -> str:
    """`name: dtype[shape]`, for a comment."""
    return comment(f"{label(tensor.name)}: {tensor.dtype}[{', '.join(map(str, tensor.shape))}]")


def _table(kind: str, symbol: Callable[[int], str], tensors: Sequence[TensorInfo]) -> list[str]:
    rows = [f"    {{(void *){symbol(i)}, dm_test_{kind}_{i}, {tensor.bytes}u}}," for i, tensor in enumerate(tensors)]
    return [f"static const dm_test_tensor dm_test_{kind}s[] = {{", *(rows or ["    {0, 0, 0},"]), "};"]


def platform_folder(name: str) -> str:
    """Where a platform's files lie in an output folder."""
    return f"runtime/platforms/{name}"


def makefile(network: Network, target: str, sources: Sequence[str], platforms: Sequence[Platform]) -> str:
    """A Makefile for the test program, on any of the platforms; the first is the default."""
    names = " or ".join(platform.name for platform in platforms)
    lines = [
        f"# {network.name}, compiled for {target}. `make` builds the test program, `make run` runs it.",
        f"# PLATFORM: {names}, or a folder of user/platforms. COMPILER: one that is named below for the platform.",
        "# CC, CFLAGS, LDFLAGS and LDLIBS are yours to set, also in user/config.mk. C files in user/ are built instead",
        "# of main.c. `deeploy compile` never writes into user/.",
        "-include user/config.mk",
        f"NAME = {network.name}",
        f"PLATFORM ?= {platforms[0].name}",
        "CFLAGS ?= -O3",
        f"ZIG ?= {ZIG_COMMAND}",
        "ifeq ($(HOME)$(ZIG_GLOBAL_CACHE_DIR),)",
        "export ZIG_GLOBAL_CACHE_DIR = $(CURDIR)/build/zig",
        "endif",
        *(line for platform in platforms for line in _make_compilers(platform)),
        "",
        "COMPILERS = $(COMPILERS_$(PLATFORM))",
        "ifneq ($(origin CC),default)",
        "GIVEN = $(foreach name,$(COMPILERS),$(if $(findstring $(name),$(CC)),$(name)))",
        "endif",
        "COMPILER ?= $(firstword $(lastword $(GIVEN)) $(COMPILERS) cc)",
        "ifeq ($(origin CC),default)",
        "CC = $(or $(CC_$(PLATFORM)_$(COMPILER)),$(COMPILER))",
        "endif",
        "ifneq ($(COMPILERS),)",
        "ifeq ($(filter $(COMPILER),$(COMPILERS)),)",
        "$(error COMPILER=$(COMPILER): platform $(PLATFORM) has $(COMPILERS))",
        "endif",
        "else",
        "LDLIBS ?= -lm",
        "endif",
        "",
        "MAIN = $(or $(wildcard user/*.c),main.c)",
        f"SOURCES = {_wrapped(sources)}",
        f"FOLDER = $(firstword $(wildcard user/platforms/$(PLATFORM)) {platform_folder('$(PLATFORM)')})",
        "PLATFORM_SOURCES = $(wildcard $(FOLDER)/*.c $(FOLDER)/*.S)",
        f"INCLUDES = {' '.join('-I' + i for i in INCLUDES)} -I$(FOLDER)",
        "HEADERS = $(wildcard *.h runtime/*/*.h runtime/*/*/*.h user/*.h $(FOLDER)/*.h) Makefile",
        "PROGRAM = build/$(NAME)_$(PLATFORM)_$(COMPILER)",
        "",
        "all: $(PROGRAM)",
        "",
        "$(PROGRAM): $(MAIN) $(SOURCES) $(PLATFORM_SOURCES) $(HEADERS)",
        "\tmkdir -p build",
        "\t$(CC) -std=c11 -Wall -Wextra $(CFLAGS) $(FLAGS_$(PLATFORM)_$(COMPILER)) $(INCLUDES) \\",
        "\t  $(MAIN) $(SOURCES) $(PLATFORM_SOURCES) $(LDFLAGS) $(LINK_$(PLATFORM)_$(COMPILER)) $(LDLIBS) -o $@",
        "",
        "run: $(PROGRAM)",
        *_make_run(platforms),
        "",
        "clean:",
        "\trm -rf build",
        "",
        ".PHONY: all run clean",
    ]
    return "\n".join(lines) + "\n"


def _make_compilers(platform: Platform) -> list[str]:
    """Variables of a platform: its compilers, and each one's command and flags."""
    lines = ["", f"COMPILERS_{platform.name} = {' '.join(compiler.name for compiler in platform.compilers)}"]
    for compiler in platform.compilers:
        which = f"{platform.name}_{compiler.name}"
        lines.append(f"CC_{which} = {_command(compiler, '$(ZIG)')}")
        if flags := (*compiler.flags, *platform.flags):
            lines.append(f"FLAGS_{which} = {shlex.join(flags)}")
        if link := platform.link_flags(compiler, platform_folder(platform.name)):
            lines.append(f"LINK_{which} = {shlex.join(link)}")
    return lines


def _make_run(platforms: Sequence[Platform]) -> list[str]:
    elsewhere = [platform.name for platform in platforms if not platform.is_host]
    if not elsewhere:
        return ["\t./$(PROGRAM)"]
    ways = ["deeploy run .", *(f"make run PLATFORM={platform.name}" for platform in platforms if platform.is_host)]
    return [
        f"ifneq ($(filter $(PLATFORM),{' '.join(elsewhere)}),)",
        f'\t@echo "$(PROGRAM) does not run on this machine: {", or ".join(ways)}"; exit 1',
        "else",
        "\t./$(PROGRAM)",
        "endif",
    ]


def _command(compiler: Toolchain, zig: str) -> str:
    """A compiler's command as a user of the folder calls it; `zig` is how the build file spells zig."""
    if compiler.command[: len(ZIG)] == ZIG:
        return f"{zig} {shlex.join(compiler.command[len(ZIG) :])}"
    return shlex.join(compiler.command)


def _wrapped(words: Sequence[str]) -> str:
    return " \\\n  ".join(words)


def cmake_lists(network: Network, target: str, sources: Sequence[str], platforms: Sequence[Platform]) -> str:
    """A CMakeLists.txt with the network as a library and the test program."""
    name, names = network.name, " or ".join(platform.name for platform in platforms)
    library = f"{name}_network"
    lines = [
        f"# {name}, compiled for {target}. PLATFORM: {names}, or a folder of user/platforms.",
        "# COMPILER: one that is named below for the platform, unless CMAKE_C_COMPILER is given.",
        "# C files in user/ are built instead of main.c. `deeploy compile` never writes into user/.",
        "cmake_minimum_required(VERSION 3.16)",
        f'set(PLATFORM {platforms[0].name} CACHE STRING "{names}")',
        'set(COMPILER "" CACHE STRING "compiler of the platform")',
        f'set(ZIG "{ZIG_COMMAND.replace(" ", ";")}" CACHE STRING "the command zig, as a list")',
        "if(NOT DEFINED ENV{HOME} AND NOT DEFINED ENV{ZIG_GLOBAL_CACHE_DIR})",
        "  set(ZIG ${CMAKE_COMMAND} -E env ZIG_GLOBAL_CACHE_DIR=${CMAKE_BINARY_DIR}/zig ${ZIG})",
        "endif()",
        *(line for platform in platforms for line in _cmake_compiler(platform)),
        f"project({name} C ASM)",
        "set(CMAKE_C_STANDARD 11)",
        "set(CMAKE_C_EXTENSIONS OFF)",
        "if(NOT CMAKE_BUILD_TYPE)",
        "  set(CMAKE_BUILD_TYPE Release)",
        "endif()",
        "",
        "set(here ${CMAKE_CURRENT_SOURCE_DIR})",
        f"set(platform ${{here}}/{platform_folder('${PLATFORM}')})",
        "if(EXISTS ${here}/user/platforms/${PLATFORM})",
        "  set(platform ${here}/user/platforms/${PLATFORM})",
        "endif()",
        "",
        f"add_library({library} OBJECT",
        *(f"  {source}" for source in sources),
        ")",
        f"target_include_directories({library} PUBLIC {' '.join(INCLUDES)} ${{platform}})",
        f"target_compile_options({library} PUBLIC -Wall -Wextra)",
        *(line for platform in platforms for line in _cmake_flags(library, platform)),
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


def _cmake_compiler(platform: Platform) -> list[str]:
    """Chooses the compiler before `project` looks for one."""
    lines = ["", f"if(PLATFORM STREQUAL {platform.name})"]
    if not platform.is_host:
        lines += ["  set(CMAKE_SYSTEM_NAME Generic)", "  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)"]
        lines += ["  if(NOT COMPILER)", f"    set(COMPILER {platform.compilers[0].name})", "  endif()"]
    for compiler in platform.compilers:
        lines += [
            f'  if(COMPILER STREQUAL "{compiler.name}" AND NOT CMAKE_C_COMPILER)',
            f"    set(CMAKE_C_COMPILER {_command(compiler, '${ZIG}')})",
            "    set(CMAKE_ASM_COMPILER ${CMAKE_C_COMPILER})",
            "  endif()",
        ]
    names = " ".join(compiler.name for compiler in platform.compilers)
    lines += [
        f'  if(COMPILER AND NOT COMPILER MATCHES "^({names.replace(" ", "|")})$")',
        f'    message(FATAL_ERROR "COMPILER=${{COMPILER}}: platform {platform.name} has {names}")',
        "  endif()",
    ]
    return [*lines, "endif()"]


def _cmake_flags(library: str, platform: Platform) -> list[str]:
    """Flags of a platform with each of its compilers; with COMPILER not given, those of the first."""
    lines: list[str] = []
    for number, compiler in enumerate(platform.compilers):
        flags = (*compiler.flags, *platform.flags)
        link = platform.link_flags(compiler, "${here}/" + platform_folder(platform.name))
        options = [*flags, *(word for word in link if not word.startswith("-l"))]
        libraries = [word for word in link if word.startswith("-l")]
        default = "" if number else "NOT COMPILER OR "
        lines.append(f'if(PLATFORM STREQUAL {platform.name} AND ({default}COMPILER STREQUAL "{compiler.name}"))')
        if flags:
            lines.append(f'  target_compile_options({library} PUBLIC "SHELL:{" ".join(flags)}")')
        if options:
            lines.append(f'  target_link_options({library} PUBLIC "SHELL:{" ".join(options)}")')
        if libraries:
            lines.append(f"  target_link_libraries({library} PUBLIC {' '.join(libraries)})")
        lines.append("endif()")
    return lines
