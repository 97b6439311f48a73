"""How much memory there is."""

from pathlib import Path

import pytest
import torch

from sklearn_linrnn._core import memory

CPU = torch.device("cpu")


def with_files(monkeypatch, **contents):
    """Let files of the system, known by their names, have these contents; others cannot be read."""

    def read(path):
        if path.name not in contents:
            raise FileNotFoundError(path)
        return contents[path.name]

    monkeypatch.setattr(Path, "read_text", read)


MEMINFO = "MemTotal: 9000 kB\nMemAvailable:    5000 kB\n"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({}, 5000 * 1024),
        ({"memory.max": "max\n", "memory.current": "70000\n"}, 5000 * 1024),
        ({"memory.max": "100000\n", "memory.current": "70000\n"}, 30000),
    ],
    ids=["no group", "no limit", "limit"],
)
def test_a_container_may_have_less_than_its_machine(monkeypatch, group, expected):
    with_files(monkeypatch, meminfo=MEMINFO, **group)
    assert memory.available_bytes(CPU) == expected


def test_where_no_file_says_it_there_is_some(monkeypatch):
    with_files(monkeypatch)
    assert memory.available_bytes(CPU) > 2**20
