"""What is written is whole or not there: folders of one's own, files that a reader never sees half, lines on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest

from lossmetric_cli import store
from lossmetric_cli.errors import EnvironmentFault, StateFault
from lossmetric_cli.store.unfinished import settle


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


# --- folders


def test_runs_that_start_at_once_never_share_a_folder(tmp_path: Path):
    with ThreadPoolExecutor(32) as pool:
        folders = set(pool.map(lambda _: store.make_folder(tmp_path / "day", "run"), range(200)))
    assert len(folders) == 200
    assert {folder.name for folder in folders} == {"run", *(f"run-{count}" for count in range(2, 201))}


def test_processes_that_start_at_once_never_share_a_folder(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from lossmetric_cli import store\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for _ in range(10): print(store.make_folder(Path(sys.argv[1]) / 'out' / 'day', 'run').name)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    assert {process.stdout.readline() for process in processes} == {"ready\n"}
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    names = [name for process in processes for name in process.communicate(timeout=60)[0].split()]
    assert len(names) == len(set(names)) == len(list((tmp_path / "out" / "day").iterdir())) == 200


def test_day_may_go_with_a_refused_run_while_others_begin_in_it(tmp_path: Path):
    def come_and_go(_: int) -> None:
        store.remove_folder(store.make_folder(tmp_path / "day", "run"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(400)))
    assert not list(tmp_path.iterdir())


def test_name_of_a_new_folder_is_on_the_disk_and_so_are_those_above_it(tmp_path: Path, synced: list[Path]):
    store.make_folder(tmp_path / "out" / "day", "run")
    assert {tmp_path, tmp_path / "out", tmp_path / "out" / "day"} <= set(synced)


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


@pytest.mark.usefixtures("full_disk")
def test_what_another_hand_cannot_write_leaves_the_old_file_and_no_rest(tmp_path: Path):
    def write(path: Path) -> None:
        with store.through(path) as unfinished:
            assert unfinished.suffix == ".keras"
            unfinished.write_bytes(b"new" * 1000)

    (tmp_path / "x.keras").write_text("old")
    with pytest.raises(EnvironmentFault, match=r"^cannot write .+/x\.keras: File too large; "):
        write(tmp_path / "x.keras")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.keras": "old"}


def test_what_another_hand_did_not_write_at_all_is_a_fault(tmp_path: Path):
    with pytest.raises(EnvironmentFault, match="No such file"), store.through(tmp_path / "x.keras"):
        pass
    assert not list(tmp_path.iterdir())


def test_what_another_hand_wrote_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, synced: list[Path]):
    with store.through(tmp_path / "x.keras") as unfinished:
        unfinished.write_bytes(b"new")
    assert synced == [unfinished, tmp_path]


# --- what a killed process leaves


def killed() -> int:
    """Return the number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_settling_removes_what_is_unfinished_of_dead_processes_and_nothing_else(tmp_path: Path):
    dead, alive = killed(), os.getppid()
    left = [f".run.json.{dead}.tmp", f"state/.000003.state.{dead}.tmp", f".model.keras.{dead}.tmp.keras"]
    others = [f".run.json.{alive}.tmp", ".hidden", "x.tmp", f"run.json.{dead}.tmp", ".lock", "run.json"]
    (tmp_path / "state").mkdir()
    for name in [*left, *others]:
        (tmp_path / name).write_text("")
    (tmp_path / f".latest.{dead}.tmp").symlink_to("nowhere")
    assert {str(path.relative_to(tmp_path)) for path in settle(tmp_path)} == {*left, f".latest.{dead}.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == {*others, "state"}


def test_settling_removes_what_a_process_of_the_same_number_left(tmp_path: Path):
    """In a container, every run may be process 1."""
    (tmp_path / f".run.json.{os.getpid()}.tmp").write_text("")
    settle(tmp_path)
    assert not list(tmp_path.iterdir())


def test_settling_leaves_alone_what_a_link_leads_to(tmp_path: Path):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "run"
    for place in (elsewhere, folder):
        place.mkdir()
    (elsewhere / f".x.{killed()}.tmp").write_text("")
    (folder / "link").symlink_to(elsewhere)
    settle(folder)
    assert len(list(elsewhere.iterdir())) == 1


def test_pointing_removes_a_link_that_a_killed_process_left_unfinished(tmp_path: Path):
    (tmp_path / f".latest.{killed()}.tmp").symlink_to("nowhere")
    store.point(tmp_path / "latest", store.make_folder(tmp_path, "run"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "run"]


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

    assert (tmp_path / "x").read_bytes() == b""


@pytest.mark.usefixtures("full_disk")
def test_part_of_a_line_that_no_longer_fits_is_taken_back(tmp_path: Path):
    store.append(tmp_path / "x", "first\n")
    with pytest.raises(EnvironmentFault):
        store.append(tmp_path / "x", "line" * 1000 + "\n")
    assert (tmp_path / "x").read_text() == "first\n"


@pytest.mark.parametrize(
    "torn",
    [b"2,0.", b"\0" * 20, b"\0" * 20 + b"7\n", b"2" * 9000, b"\0" * 3000 + b"7\n"],
    ids=["half", "zeros", "zeros and an end", "long", "long zeros and an end"],
)
def test_line_that_a_kill_or_a_power_cut_tore_is_left_out_and_cut_off_before_the_next(tmp_path: Path, torn: bytes):
    path, whole = tmp_path / "x", b"epoch,loss\n1,0.5\n"
    path.write_bytes(whole + torn)
    assert store.whole_lines(path) == whole
    store.append(path, "2,0.25\n")
    assert path.read_bytes() == whole + b"2,0.25\n"


def test_file_that_is_not_there_has_no_lines(tmp_path: Path):
    assert store.whole_lines(tmp_path / "x") == b""


def test_file_is_cut_and_the_cut_is_on_the_disk(tmp_path: Path, synced: list[Path]):
    (tmp_path / "x").write_bytes(b"12345")
    store.cut(tmp_path / "x", 3)
    assert (tmp_path / "x").read_bytes() == b"123"
    assert synced == [tmp_path / "x"]
    store.cut(tmp_path / "none", 3)
    assert not (tmp_path / "none").exists()


def test_file_is_never_cut_to_more_than_it_is(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"123")
    with pytest.raises(StateFault, match=r"/x is damaged: 3 of the 5 bytes are there that a state of its run counts on$"):
        store.cut(tmp_path / "x", 5)
    assert (tmp_path / "x").read_bytes() == b"123"


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
