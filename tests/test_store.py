"""What is written is whole or not there: folders of one's own, files that a reader never sees half, lines on the disk."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was waited for until it was on the disk, in order."""
    found: list[Path] = []
    wait = os.fsync

    def note(handle: int) -> None:
        found.append(Path(f"/proc/self/fd/{handle}").readlink())
        wait(handle)

    monkeypatch.setattr(os, "fsync", note)
    return found


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes: the nearest that a process comes to a full disk by itself."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- folders


def test_runs_that_start_at_once_never_share_a_folder(tmp_path: Path):
    with ThreadPoolExecutor(32) as pool:
        folders = set(pool.map(lambda _: store.make_folder(tmp_path / "day", "run"), range(200)))
    assert len(folders) == 200
    assert {folder.name for folder in folders} == {"run", *(f"run-{count}" for count in range(2, 201))}


def test_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match=r"^cannot create .+/file/day/run: Not a directory; set out=FOLDER to "):
        store.make_folder(tmp_path / "file" / "day", "run")


def test_day_goes_with_its_last_run_and_not_before(tmp_path: Path):
    first, second = (store.make_folder(tmp_path / "day", "run") for _ in range(2))
    (first / "deep").mkdir()
    store.remove_folder(first)
    assert second.is_dir()
    store.remove_folder(second)
    assert not list(tmp_path.iterdir())


# --- whole files


@pytest.mark.parametrize("content", ["Größe ≥ 3\n", b"\x00\xff", ""], ids=["text", "bytes", "nothing"])
def test_what_was_written_is_read_back(content: str | bytes, tmp_path: Path):
    store.write(tmp_path / "new" / "x", content)
    assert (tmp_path / "new" / "x").read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x"]


def test_reader_never_sees_half_a_file(tmp_path: Path):
    path, size, done = tmp_path / "x", 300_000, Event()
    store.write(path, b"0" * size)
    seen = []

    def read() -> None:
        while not done.is_set():
            content = path.read_bytes()
            seen.append((len(content), len(set(content))))

    reader = Thread(target=read)
    reader.start()
    for digit in b"123456789" * 10:
        store.write(path, bytes([digit]) * size)
    done.set()
    reader.join()
    assert set(seen) == {(size, 1)}


def test_file_is_on_the_disk_before_it_gets_its_name_and_its_folder_after(tmp_path: Path, synced: list[Path]):
    store.write(tmp_path / "x", "new")
    assert [path.name for path in synced] == [f".x.{os.getpid()}.tmp", tmp_path.name]


@pytest.mark.usefixtures("full_disk")
def test_full_disk_leaves_the_old_file_and_no_rest_of_the_new_one(tmp_path: Path):
    store.write(tmp_path / "x", "old")
    with pytest.raises(EnvironmentFault, match=r"^cannot write .+/x: File too large; make room for it or set out=FOLDER$"):
        store.write(tmp_path / "x", "new" * 1000)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x": "old"}


# --- lines


def test_lines_follow_one_another(tmp_path: Path):
    for line in ("a,ü\n", "b,2\n"):
        store.append(tmp_path / "x", line)
    assert (tmp_path / "x").read_bytes() == "a,ü\nb,2\n".encode()


def test_line_is_on_the_disk_when_append_returns(tmp_path: Path, synced: list[Path]):
    store.append(tmp_path / "x", "a\n")
    assert synced == [tmp_path / "x", tmp_path]
    store.append(tmp_path / "x", "b\n")
    assert synced[2:] == [tmp_path / "x"]


@pytest.mark.usefixtures("full_disk")
def test_line_that_no_longer_fits_is_a_fault_of_the_machine(tmp_path: Path):
    with pytest.raises(EnvironmentFault, match=r"^cannot write .+/x: File too large; "):
        store.append(tmp_path / "x", "line\n" * 1000)


# --- links


def test_link_names_the_last_folder_that_it_was_pointed_at(tmp_path: Path):
    first, second = (store.make_folder(tmp_path / "day", "run") for _ in range(2))
    for folder in (first, second):
        store.point(tmp_path / "latest", folder)
        assert (tmp_path / "latest").resolve() == folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "latest"]


def test_link_survives_a_move_of_everything(tmp_path: Path):
    store.point(tmp_path / "a" / "latest", store.make_folder(tmp_path / "a" / "day", "run"))
    (tmp_path / "a").rename(tmp_path / "b")
    assert (tmp_path / "b" / "latest").resolve() == tmp_path / "b" / "day" / "run"


def test_link_is_never_missing_while_it_is_replaced(tmp_path: Path):
    folders = [store.make_folder(tmp_path, "run") for _ in range(2)]
    store.point(tmp_path / "latest", folders[0])
    seen, done = set(), Event()

    def read() -> None:
        while not done.is_set():
            seen.add((tmp_path / "latest").is_dir())

    reader = Thread(target=read)
    reader.start()
    for count in range(300):
        store.point(tmp_path / "latest", folders[count % 2])
    done.set()
    reader.join()
    assert seen == {True}


def test_folder_in_the_place_of_the_link_is_left_alone(tmp_path: Path):
    folder = store.make_folder(tmp_path, "run")
    (tmp_path / "latest").mkdir()
    with pytest.raises(EnvironmentFault, match=r"^cannot write .+/latest: Is a directory; "):
        store.point(tmp_path / "latest", folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "run"]


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    file = tmp_path / "precious.txt"
    file.write_text("untouched")
    return file


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path, precious: Path):
    link, unfinished = tmp_path / "run.json", tmp_path / f".run.json.{os.getpid()}.tmp"
    link.symlink_to(precious)
    unfinished.symlink_to(precious)
    store.write(link, "{}")
    assert (link.read_text(), link.is_symlink(), precious.read_text()) == ("{}", False, "untouched")


def test_nothing_is_appended_through_a_link(tmp_path: Path, precious: Path):
    (tmp_path / "history.csv").symlink_to(precious)
    with pytest.raises(EnvironmentFault, match="cannot write"):
        store.append(tmp_path / "history.csv", "1,2\n")
    assert precious.read_text() == "untouched"


def test_a_folder_that_a_link_leads_out_of_is_refused(tmp_path: Path):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "day").symlink_to(tmp_path)
    with pytest.raises(EnvironmentFault, match=r"leads out of .* by a link"):
        store.refuse_way_out(tmp_path / "outputs" / "day", tmp_path / "outputs")
