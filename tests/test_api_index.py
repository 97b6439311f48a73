"""The API reference has every public name, and no other."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import sklearn_linrnn

INDEX = (Path(__file__).parents[1] / "docs" / "api" / "index.rst").read_text()
MODULES = [
    importlib.import_module(f"sklearn_linrnn.{module.name}")
    for module in pkgutil.iter_modules(sklearn_linrnn.__path__)
    if not module.name.startswith("_")
]
PACKAGES = [sklearn_linrnn, *(module for module in MODULES if hasattr(module, "__all__"))]


def listed():
    """Return the listed names beside the modules that they are listed under, in order."""
    module, names = "", []
    for line in INDEX.splitlines():
        if found := re.match(r"\.\. (?:py:)?currentmodule:: (\S+)", line):
            module = found[1]
        elif found := re.match(r"(?:   |\.\. autoclass:: |\.\. py:data:: )(\w+)$", line):
            names.append((module, found[1]))
    return names


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_name_is_listed(package):
    there = [getattr(importlib.import_module(module), name) for module, name in listed()]
    assert {
        name for name in package.__all__ if not any(getattr(package, name) is one for one in there)
    } == set()


def test_what_is_listed_is_public_and_listed_once():
    names = listed()
    assert len(names) == len(set(names)) > 50
    for module, name in names:
        assert name in importlib.import_module(module).__all__
