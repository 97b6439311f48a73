"""The form of the house, read from the syntax trees of the package."""

import ast
import sys
import tomllib
from collections import Counter
from pathlib import Path

import sklearn_linrnn

PACKAGE = Path(sklearn_linrnn.__file__).parent
LINT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {path: ast.parse(source) for path, source in SOURCES.items()}
MOST_LINES = 400

# What scikit-learn has no public name for.
SCIKIT_LEARN = {
    "_check_feature_names",
    "_check_feature_names_in",
    "_check_n_features",
    "_check_sample_weight",
    "_get_feature_names",
    *LINT["flake8-self"]["extend-ignore-names"],
}
NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}  # public, in spite of their names


def is_private(name):
    return name.startswith("_") and not name.endswith("__") and name not in NAMED_TUPLES


def nodes(tree, *kinds):
    return (node for node in ast.walk(tree) if isinstance(node, kinds))


def defined(tree):
    """Return the names that a module gives to functions, methods, attributes and variables."""
    stored = (node for node in nodes(tree, ast.Name, ast.Attribute) if type(node.ctx) is ast.Store)
    variables = {node.id if isinstance(node, ast.Name) else node.attr for node in stored}
    return variables | {node.name for node in nodes(tree, ast.FunctionDef, ast.ClassDef)}


def attributes_of_others(tree):
    """Return the attributes of objects other than `self` that a module reads, by name too."""
    read = [(node.value, node.attr) for node in nodes(tree, ast.Attribute)]
    for node in nodes(tree, ast.Call):
        if ast.unparse(node.func) in ("getattr", "hasattr", "setattr"):
            owner, name, *_ = node.args
            read += [(owner, name.value)] if isinstance(name, ast.Constant) else []
    return {name for owner, name in read if ast.unparse(owner) not in ("self", "cls", "super()")}


def test_no_module_imports_a_private_name():
    imported = {
        (path, alias.name)
        for path, tree in TREES.items()
        for node in nodes(tree, ast.ImportFrom)
        for alias in node.names
        if is_private(alias.name)
    }
    assert {(path, name) for path, name in imported if name not in SCIKIT_LEARN} == set()


def test_no_module_reads_a_private_attribute_of_another():
    assert {
        (path, name)
        for path, tree in TREES.items()
        for name in attributes_of_others(tree) - defined(tree) - SCIKIT_LEARN
        if is_private(name)
    } == set()


def test_every_exception_is_needed():
    imports = {
        alias.name
        for tree in TREES.values()
        for node in nodes(tree, ast.ImportFrom)
        for alias in node.names
    }
    attributes = {name for tree in TREES.values() for name in attributes_of_others(tree)}
    assert imports | attributes >= SCIKIT_LEARN


def test_modules_are_short():
    lengths = {path: len(source.splitlines()) for path, source in SOURCES.items()}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_module_has_a_name_of_the_standard_library():
    names = {part.removesuffix(".py") for path in SOURCES for part in path.split("/")}
    # `_core/statistics` hides nothing: it is a package within a private one.
    assert names & sys.stdlib_module_names == {"statistics"}


def test_no_two_modules_define_the_same_public_name():
    count = Counter(
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not is_private(node.name)
    )
    assert {name for name, times in count.items() if times > 1} == set()
