"""Files that are replaced as a whole, whatever happens to the writer in the middle of it."""

import errno
import gzip
import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sklearn_linrnn._studies.results_file import ResultsFile
from sklearn_linrnn._studies.whole_file import replace_file

posix = pytest.mark.skipif(os.name != "posix", reason="modes and signals of POSIX")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


@contextmanager
def without_privileges():
    """Give up the rights of the administrator for a while; others have none to give up."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def read_only(folder, monkeypatch):
    """Enter a folder that everybody may look into and nobody may write to."""
    monkeypatch.chdir(folder)
    folder.chmod(0o555)
    try:
        with without_privileges():
            yield
    finally:
        folder.chmod(0o755)


def test_the_text_is_there_and_nothing_else(path):
    for text in ("one\n", "été\n"):
        replace_file(path, text)
        assert path.read_text("utf-8") == text
        assert list(path.parent.iterdir()) == [path]


def test_a_name_of_compressed_files_compresses(tmp_path):
    replace_file(tmp_path / "a.csv.gz", "text")
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b"text"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays(path, mode):
    path.touch()
    path.chmod(mode)
    replace_file(path, "text")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_a_new_file_has_the_mode_of_any_new_file(path):
    other = path.with_name("other")
    other.touch()
    replace_file(path, "text")
    assert path.stat().st_mode == other.stat().st_mode


@posix
def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "data" / "results.csv")
    replace_file(tmp_path / "link.csv", "text")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "data" / "results.csv").read_text() == "text"


@pytest.mark.parametrize("name", ["results[1].csv", "a*b.csv", "-.csv", "été?.csv", "x" * 200])
def test_any_name_will_do(tmp_path, name):
    if os.name != "posix" and set(name) & set("*?"):
        pytest.skip("no name on Windows")
    other = tmp_path / ".results1.csv.abc.tmp"
    other.touch()
    replace_file(tmp_path / name, "text")
    assert {file.name for file in tmp_path.iterdir()} == {name, other.name}


@pytest.mark.parametrize("fault", ["fsync", "chmod", "replace"])
def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch, fault):
    replace_file(path, "before")

    def fill_the_disk(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, fault, fill_the_disk)
        with pytest.raises(OSError, match="No space left"):
            replace_file(path, "after")
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


LIMITED = """
import resource, sys
from pathlib import Path
from sklearn_linrnn._studies.whole_file import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    replace_file(Path(sys.argv[1]), "x" * 100_000)
except OSError as error:
    print(error)
"""


@posix
def test_a_file_that_may_not_grow_so_large_stays_as_it_was(path):
    replace_file(path, "before")
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


ENDLESS = """
import sys
from pathlib import Path
from sklearn_linrnn._studies.results_file import ResultsFile
results = ResultsFile(Path(sys.argv[1]), ["name"], ["value"])
print("ready", flush=True)
i = 0
while True:
    results.add({"name": f"{i} " + "x" * 10_000, "value": i})
    i += 1
"""


@posix
@pytest.mark.parametrize("milliseconds", [1, 30, 100, 170])
def test_a_writer_that_is_killed_leaves_a_whole_file_and_no_lock(path, milliseconds):
    command = [sys.executable, "-c", ENDLESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(milliseconds / 1000)
        writer.send_signal(signal.SIGKILL)
    results = ResultsFile(path, ["name"], ["value"])
    count = len(results)
    results.add({"name": "after", "value": 1.0})
    assert len(ResultsFile(path, ["name"], ["value"])) == count + 1
    left = {file.name for file in path.parent.iterdir()}
    assert left <= {"results.csv", ".results.csv.lock"}


KILLED = """
import os, signal, sys
from pathlib import Path
from sklearn_linrnn._studies.results_file import ResultsFile
results = ResultsFile(Path(sys.argv[1]), ["name"], ["value"])
setattr(os, sys.argv[2], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
results.add({"name": "second", "value": 2.0})
"""


@posix
@pytest.mark.parametrize("moment", ["fsync", "chmod", "replace"])
def test_a_writer_that_is_killed_in_the_middle_leaves_the_file_as_it_was(path, moment):
    ResultsFile(path, ["name"], ["value"]).add({"name": "first", "value": 1.0})
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    ResultsFile(path, ["name"], ["value"]).add({"name": "third", "value": 3.0})
    assert len(ResultsFile(path, ["name"], ["value"])) == 2
    assert {file.name for file in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


@posix
def test_what_a_killed_writer_left_is_removed(path):
    left = path.with_name(f".{path.name}.abc123.tmp")
    left.write_text("half a fi")
    replace_file(path, "text")
    assert list(path.parent.iterdir()) == [path]


@posix
def test_a_read_only_folder_is_noticed_before_any_work(tmp_path, monkeypatch, path):
    path.write_text("name,value\n")
    with read_only(tmp_path, monkeypatch), pytest.raises(OSError, match="ermission denied"):
        ResultsFile(path.relative_to(tmp_path), ["name"], ["value"])
    assert path.read_text() == "name,value\n"
    assert list(tmp_path.iterdir()) == [path]
