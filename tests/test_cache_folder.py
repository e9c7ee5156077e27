"""The simulator's cache: a library is loaded only from where nobody else can have put it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from deeploy_mlir.machine import shared_object
from deeploy_mlir.simulators.siracusa import library
from deeploy_mlir.support.errors import DeeployError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that writes an empty file at once."""

    def compile_nothing(command: tuple[str, ...], sources: Sequence[Path], out: Path) -> str | None:
        out.write_bytes(b"")
        return None

    monkeypatch.setattr(shared_object, "_compile", compile_nothing)


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a file or folder another user's: by its owner, or by who we are."""
    if os.getuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)


def test_without_a_home_the_folder_is_made_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    for name in ("DEEPLOY_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    built = library.build()
    assert built.parent == tmp_path / f"deeploy-mlir-{os.getuid()}"
    assert built.parent.stat().st_mode & 0o777 == 0o700
    assert library.build() == built


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    give_away(folder, monkeypatch)
    with pytest.raises(DeeployError, match=r"belongs to another user .*set DEEPLOY_CACHE_DIR"):
        library.build(folder)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(DeeployError, match=r"others can write to the cache folder .*chmod go-w"):
        library.build(folder)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeeployError, match="is a symbolic link"):
        library.build(tmp_path / "cache")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_link_that_the_user_chose_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("DEEPLOY_CACHE_DIR", str(tmp_path / "cache"))
    assert library.build().parent == (tmp_path / "elsewhere").resolve()


def test_a_library_in_it_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    built = library.build(folder)
    assert library.build(folder) == built
    built.chmod(0o666)
    with pytest.raises(DeeployError, match="others can write to the cached library"):
        library.build(folder)
    built.chmod(0o600)
    if os.getuid() == 0:
        give_away(built, monkeypatch)
        with pytest.raises(DeeployError, match=r"the cached library .* belongs to another user"):
            library.build(folder)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeeployError, match=r"cannot make the cache folder .*set DEEPLOY_CACHE_DIR"):
        library.build(tmp_path / "file" / "cache")
