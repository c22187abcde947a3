"""What the bench says that a host pays is what its processes took, those that have ended among them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.tree import Tree, taken_by

BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell that does what it is told, and says when it has."""
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(["sh"], stdin=pipe, stdout=pipe, stderr=nowhere, text=True) as started:
        yield started
        assert started.stdin
        started.stdin.write("exit\n")


def told(shell: subprocess.Popen[str], command: str) -> None:
    assert shell.stdin
    assert shell.stdout
    shell.stdin.write(f"{command}; echo done\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == "done\n"


def test_processor_time_of_those_that_ended_is_counted_with_those_that_waited_for_them(
    shell: subprocess.Popen[str],
) -> None:
    told(shell, ":")
    before = taken_by([shell.pid]).cpu
    told(shell, f"sh -c '{BUSY}'")
    assert taken_by([shell.pid]).cpu > before + 0.02


def test_all_below_a_process_are_found_and_a_file_that_one_of_them_writes(
    shell: subprocess.Popen[str], tmp_path: Path
) -> None:
    path = tmp_path / "written"
    told(shell, f"sh -c 'sleep 30; :' 3>{path} 4</dev/null 5>/dev/null & child=$!; sleep 0.2")
    tree = Tree(shell.pid)
    assert sorted(tree.names[pid] for pid in tree.all) == ["sh", "sleep"]
    taken = taken_by(tree.all)
    assert taken.processes == 2
    assert set(taken.writable) == {str(path)}
    assert 0 < taken.private <= taken.pss
    told(shell, "kill $child; wait $child 2>/dev/null; :")
    for pid in tree.all:
        if tree.names[pid] == "sleep":
            subprocess.run(["kill", str(pid)], check=False)


def test_who_has_ended_took_nothing_any_more() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert taken_by([ended.pid]).processes == 0
