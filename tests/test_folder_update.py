"""An update of a folder touches what an earlier one wrote and nothing else; after a kill the next one mends it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from deeploy_mlir.program.folder_update import LISTING, check_folder, update_folder
from deeploy_mlir.support.errors import DeeployError

OLD = {"net.c": b"old", "main.c": b"int main", "runtime/a/a.h": b"a", "runtime/b.h": b"b", "gone.h": b"g"}
NEW = {"net.c": b"new", "main.c": b"int main", "runtime/b.h": b"better", "runtime/c/c.h": b"c"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != LISTING
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    update_folder(tmp_path / "out", OLD)
    return tmp_path / "out"


def test_a_new_folder_and_an_update(out: Path) -> None:
    assert contents(out) == OLD
    before = (out / "main.c").stat().st_mtime_ns
    update_folder(out, NEW)
    assert contents(out) == NEW
    assert not (out / "runtime" / "a").exists()
    assert (out / "main.c").stat().st_mtime_ns == before  # so that make builds no more than it has to
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_filled_in_place(tmp_path: Path) -> None:
    inode = tmp_path.stat().st_ino
    update_folder(tmp_path, NEW)
    assert contents(tmp_path) == NEW
    assert tmp_path.stat().st_ino == inode


def test_files_of_the_users_stay(out: Path) -> None:
    own = {"thesis.tex": b"precious", "user/main.c": b"mine", "runtime/a/port.c": b"port", "build/net.o": b"o"}
    for name, data in own.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(data)
    update_folder(out, NEW)
    assert contents(out) == NEW | own
    update_folder(out, OLD, force=True)
    assert contents(out) == OLD | own


@pytest.mark.parametrize("name", ["main.c", "gone.h", LISTING])
def test_what_was_changed_is_named_and_not_touched(name: str, out: Path) -> None:
    (out / name).write_bytes(b'{"files": {}}')
    before = contents(out)
    with pytest.raises(DeeployError, match=rf"{name}.*--force"):
        check_folder(out)
    with pytest.raises(DeeployError, match=rf"{name}.*--force"):
        update_folder(out, NEW)
    assert contents(out) == before
    update_folder(out, NEW, force=True)
    assert {name: (out / name).read_bytes() for name in NEW} == NEW


def test_a_file_that_is_not_in_the_list_is_in_the_way(out: Path) -> None:
    (out / "runtime" / "c").mkdir()
    (out / "runtime" / "c" / "c.h").write_bytes(b"mine")
    with pytest.raises(DeeployError, match=r"not written by deeploy: runtime/c/c\.h; .*--force"):
        update_folder(out, NEW)
    assert contents(out) == OLD | {"runtime/c/c.h": b"mine"}
    update_folder(out, NEW, force=True)
    assert contents(out) == NEW


def test_a_folder_without_a_list_is_left_alone(tmp_path: Path) -> None:
    own = {f"chapter{i:02}.tex": b"precious" for i in range(12)} | {"plan.json": b"{}"}
    for name, data in own.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DeeployError, match=r"chapter00\.tex, .* and 3 more; .*--force"):
        update_folder(tmp_path, NEW)
    assert contents(tmp_path) == own
    update_folder(tmp_path, NEW, force=True)
    assert contents(tmp_path) == own | NEW


def test_what_the_user_deleted_is_written_again(out: Path) -> None:
    (out / "net.c").unlink()
    (out / "runtime" / "a" / "a.h").unlink()
    (out / "runtime" / "a").rmdir()
    update_folder(out, NEW)
    assert contents(out) == NEW


def test_nothing_is_written_or_deleted_through_a_link(out: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (out / "runtime").rename(elsewhere)
    (out / "runtime").symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(DeeployError, match=r"changed since it was written: runtime/a/a\.h, runtime/b\.h"):
        update_folder(out, NEW)
    with pytest.raises(DeeployError, match=r"runtime is in the way of a folder"):
        update_folder(out, NEW, force=True)
    update_folder(out, {"net.c": b"new"}, force=True)
    assert contents(elsewhere) == before


def test_a_link_to_the_folder_and_a_relative_path_are_followed(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out.parent / "link").symlink_to(out)
    monkeypatch.chdir(out.parent)
    update_folder(Path("link"), NEW)
    check_folder(Path("link"))
    assert contents(out) == NEW


@pytest.mark.parametrize("name", ["../thesis.tex", "{folder}/thesis.tex", "user/main.c", ""])
def test_a_list_that_names_what_is_outside_is_refused(name: str, out: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_bytes(b"precious")
    files = {name.format(folder=tmp_path): [hashlib.sha256(b"precious").hexdigest()]}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    (out / LISTING).write_text(json.dumps({"format": 1, "files": files, "digest": digest}))
    with pytest.raises(DeeployError, match="was changed or is damaged"):
        update_folder(out, NEW)
    update_folder(out, NEW, force=True)
    assert (tmp_path / "thesis.tex").read_bytes() == b"precious"


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '{"files": 1, "format": 1, "digest": ""}', '{"format": 1}'])
def test_a_damaged_list_is_an_error(text: str, out: Path) -> None:
    (out / LISTING).write_text(text)
    with pytest.raises(DeeployError, match="was changed or is damaged"):
        update_folder(out, NEW)
    assert contents(out) == OLD


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(DeeployError, match="is a file; name a folder"):
        update_folder(tmp_path / "out", NEW, force=True)
    assert (tmp_path / "out").read_text() == "precious"


def killed(work: Callable[[], None], call: str, time: int) -> bool:
    """Does the work in a process that is killed when it calls a function of `os` for the given time; whether it was."""
    child = os.fork()
    if child == 0:
        count = iter(range(time, -1, -1))
        original = getattr(os, call)

        def counting(*arguments: object, **options: object) -> object:
            if next(count, 1) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        setattr(os, call, counting)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("call", "first"), [("replace", {}), ("mkdir", {}), ("replace", OLD), ("rmdir", OLD), ("unlink", OLD)]
)
def test_killed_at_any_point_the_next_update_mends_it(call: str, first: dict[str, bytes], tmp_path: Path) -> None:
    for time in range(100):
        out = tmp_path / str(time) / "out"
        (out.parent / ".out.deeploy-1").mkdir(parents=True)  # of another process, killed long ago
        if first:
            update_folder(out, first)
        if not killed(lambda out=out: update_folder(out, NEW), call, time):
            assert time > 0
            break
        update_folder(out, NEW)
        assert contents(out) == NEW
        assert [path.name for path in out.parent.iterdir()] == ["out"]
        assert list(json.loads((out / LISTING).read_text())["files"]) == sorted(NEW)
