"""The folder in memory is private, is removed afterwards, and falls back to a disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import in_memory
from tests.support.in_memory import folder_in_memory

ROOT = Path(__file__).parents[2]
HOLDS_ONE = """
import sys
from pathlib import Path
from tests.support import in_memory
in_memory.MEMORY = Path(sys.argv[1])
with in_memory.folder_in_memory(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that replaces the RAM disk."""
    monkeypatch.setattr(in_memory, "MEMORY", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def test_what_a_killed_run_left_is_removed_and_what_another_uses_is_not(memory, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_ONE, str(memory)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().strip())
        with folder_in_memory(tmp_path) as ours:
            assert ours != theirs
            assert theirs.is_dir()
        assert not ours.exists()
        other.kill()
    assert theirs.is_dir()
    with folder_in_memory(tmp_path):
        assert not theirs.exists()


def test_without_free_memory_it_is_the_fallback_folder(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(in_memory, "FREE_MEMORY", 10**15)
    with folder_in_memory(tmp_path) as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()
