"""The SoC as data: descriptions, budgets, look-up."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline

from deeploy_mlir import api
from deeploy_mlir.dialects.soc import MemorySpaceAttr
from deeploy_mlir.machine import registry
from deeploy_mlir.machine.registry import load_soc, parse_soc, system_of, target_names
from deeploy_mlir.passes.attach_soc import AttachSocPass
from deeploy_mlir.pipelines import pipeline_for
from deeploy_mlir.support.errors import DeeployError


def test_shipped_targets_are_valid() -> None:
    assert {"generic", "siracusa"} <= set(target_names())
    for name in target_names():
        system = load_soc(name)
        system.verify()
        assert system.system_name == name


def test_siracusa_is_what_its_hardware_is() -> None:
    system = load_soc("siracusa")
    assert system.memory("l1").size == 256 * 1024
    assert system.memory("l1").address == 0x10000000
    cluster = system.engine("cluster")
    assert (cluster.core_count, cluster.memory_name, cluster.asynchronous) == (8, "l1", False)
    dma = system.dma_between("l1", "l2")
    assert dma is not None
    assert dma is system.dma_between("l2", "l1")
    assert (dma.bytes_per_cycle, dma.max_dims, dma.channels, dma.max_bytes) == (8, 2, 16, 2**17 - 1)
    assert system.host.memory_name == "l2"


def test_generic_has_one_memory_and_no_dma() -> None:
    system = load_soc("generic")
    assert [m.symbol for m in system.memories] == ["ram", "flash"]
    assert not system.dmas
    assert system.engines[0].core_count == 1
    assert system.engines[0].reserved_bytes == 0


def test_one_way_dma() -> None:
    system = parse_soc(
        "soc.system @b { soc.memory @a {size = 8} soc.memory @c {size = 8} "
        "soc.dma @d from @a to @c {bytes_per_cycle = 1, one_way} soc.host @h {memory = @a} }"
    )
    assert system.dma_between("a", "c") is not None
    assert system.dma_between("c", "a") is None


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(DeeployError, match=r"unknown target 'x'; choose .*generic.* or siracusa"):
        load_soc("x")
    with pytest.raises(KeyError, match="siracusa has no memory l9; it has l1, l2, wmem"):
        load_soc("siracusa").memory("l9")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soc.system @b { soc.memory @a {size = 8} }", "needs one soc.host"),
        ("soc.system @b {", "not valid"),
        ("builtin.module { }", "holds one soc.system, this one 0"),
    ],
)
def test_bad_descriptions_are_errors_for_users(text: str, message: str) -> None:
    with pytest.raises(DeeployError, match=message):
        parse_soc(text)


def attach(options: str) -> ModuleOp:
    module = ModuleOp([])
    pipeline = PassPipeline.parse_spec({AttachSocPass.name: lambda: AttachSocPass}, f"deeploy-attach-soc{{{options}}}")
    pipeline.apply(Context(), module)
    return module


def test_attach_limits_memories() -> None:
    system = system_of(attach('target=siracusa l1=65536 sizes="l2=0x10000"'))
    assert [(m.symbol, m.size) for m in system.memories] == [("l1", 65536), ("l2", 65536), ("wmem", 4194288)]
    assert system.host.program_bytes == 0
    assert [system.network_bytes(m) for m in system.memories] == [65536, 65536, 4194288]
    # the description itself is not touched
    assert load_soc("siracusa").memory("l1").size == 256 * 1024


def test_any_memory_is_limited_by_name() -> None:
    options = api.pipeline_options("siracusa", memories={"l1": "64KiB", "wmem": 0})
    spec = pipeline_for(options).split(",deeploy-fold", 1)[0]
    module = ModuleOp([])
    PassPipeline.parse_spec({AttachSocPass.name: lambda: AttachSocPass}, spec).apply(Context(), module)
    assert [(m.symbol, m.size) for m in system_of(module).memories] == [("l1", 65536), ("l2", 2031616)]


def test_a_weight_memory_of_no_size_goes() -> None:
    system = system_of(attach("target=siracusa wmem=0"))
    system.verify()
    assert [m.symbol for m in system.memories] == ["l1", "l2"]
    assert [d.symbol for d in system.dmas] == ["mchan"]


def test_the_program_takes_what_a_budget_leaves_of_the_memory() -> None:
    whole = load_soc("siracusa")
    program, size = whole.host.program_bytes, whole.memory("l2").size
    for budget in (size, size - program // 2, size - program, 4096):
        system = system_of(attach(f"target=siracusa l2={budget}"))
        assert system.network_bytes(system.memory("l2")) == min(budget, size - program)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("target=nowhere", "unknown target 'nowhere'"),
        ("target=generic l1=65536", "for memory 'l1', but generic has ram"),
        ("target=siracusa l1=262145", "has 262144 bytes: its size cannot be set to 262145"),
        ("target=siracusa l1=0", "cannot be set to 0"),
        ("target=siracusa l1=5120", "holds 5120 bytes of stacks: 5120 bytes are not enough"),
        ('target=siracusa sizes="l1"', "MEMORY=BYTES"),
        ('target=siracusa l1=65536 sizes="l1=4096"', "two sizes are given for memory 'l1'"),
    ],
)
def test_attach_refuses(options: str, message: str) -> None:
    with pytest.raises(DeeployError, match=message):
        attach(options)


def test_attach_refuses_a_second_soc_and_system_of_none() -> None:
    module = attach("target=generic")
    with pytest.raises(DeeployError, match="for generic already"):
        AttachSocPass("siracusa").apply(Context(), module)
    with pytest.raises(DeeployError, match="run deeploy-attach-soc first"):
        system_of(ModuleOp([]))
    assert system_of(ModuleOp([]), required=False) is None


def test_targets_of_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_boards" / "tiny"
    package.mkdir(parents=True)
    (tmp_path / "my_boards" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "soc.mlir").write_text(
        "soc.system @tiny { soc.memory @ram {size = 4096} soc.host @cpu {memory = @ram} }"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    points = [
        EntryPoint("tiny-board", "my_boards.tiny", registry.GROUP),
        EntryPoint("empty-board", "my_boards", registry.GROUP),
        EntryPoint("siracusa", "my_boards.tiny", registry.GROUP),
    ]

    def found(*, group: str) -> list[EntryPoint]:
        return points if group == registry.GROUP else []

    shipped = target_names()
    monkeypatch.setattr(registry, "entry_points", found)
    assert set(target_names()) == {*shipped, "empty-board", "tiny-board"}
    assert list(target_names()) == sorted(target_names())
    assert load_soc("tiny-board").memory("ram").size == 4096
    assert load_soc("siracusa").system_name == "siracusa"
    with pytest.raises(DeeployError, match=r"my_boards has no soc.mlir"):
        load_soc("empty-board")


def test_memory_space_names_one_memory() -> None:
    assert MemorySpaceAttr("l1").memory_name == "l1"
