"""Sphinx configuration."""

import inspect
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import sklearn_linrnn
import sklearn_linrnn.forecasting
import sklearn_linrnn.priors
import sklearn_linrnn.regression
from sklearn_linrnn import LagPrior

project = "sklearn-linrnn"
author = "The sklearn-linrnn developers"
copyright = "2026, The sklearn-linrnn developers"
release = installed_version("sklearn-linrnn")
version = ".".join(release.split(".")[:2])

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

extensions = [
    "mathml",
    "matplotlib.sphinxext.plot_directive",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**/GALLERY_HEADER.rst"]

# -- API reference -----------------------------------------------------------------------

autodoc_typehints = "none"  # the docstrings name the types
default_role = "py:obj"


def own_members(cls: type) -> dict[str, list[str]]:
    """List what the package itself defines of a class; the pages of its bases have the rest.

    A prior that can be used as it is has hyperparameters, and nothing that its base has not.
    """
    members = {"methods": [], "properties": []}
    if issubclass(cls, LagPrior) and not inspect.isabstract(cls):
        return members
    inherited = dir(LagPrior) if LagPrior in cls.__mro__[1:] else ()
    for name in sorted(set(dir(cls)).difference(inherited)):
        if name.startswith("_") or name == "get_test_params":  # for sktime's tests
            continue
        member = inspect.getattr_static(cls, name)
        is_property = isinstance(member, property)
        function = member.fget if is_property else getattr(cls, name)
        if getattr(function, "__module__", "").startswith("sklearn_linrnn"):
            members["properties" if is_property else "methods"].append(name)
    return members


PACKAGES = (
    sklearn_linrnn,
    sklearn_linrnn.forecasting,
    sklearn_linrnn.priors,
    sklearn_linrnn.regression,
)

autosummary_context = {
    "own_members": {
        f"{package.__name__}.{name}": own_members(getattr(package, name))
        for package in PACKAGES
        for name in package.__all__
        if inspect.isclass(getattr(package, name))
    },
}

numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
# The rules for the form of all docstrings are in pyproject.toml: `tool.numpydoc_validation`.
numpydoc_validation_checks = {"PR01", "PR02", "PR03", "PR07", "RT01", "RT03"}
# Of records the fields are the attributes.
numpydoc_validation_exclude = {
    r"\.(LagStatistics|MeasuredMemory|MemoryBias|NTKGap|PriorComparison)$"
}

# -- Examples ----------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_repr_types": r"matplotlib\.|Display",  # a picture is there already
    "abort_on_example_error": True,
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("sklearn_linrnn",),
    "reference_url": {"sklearn_linrnn": None},
    "min_reported_time": 5,
    "remove_config_comments": True,
    "show_memory": False,
}

# -- Figures of the guides ---------------------------------------------------------------

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 160)]
# Words in wider figures are too small on a phone; `:class: wide` lets these scroll there.
plot_rcparams = {"figure.constrained_layout.use": True, "figure.figsize": (4.8, 3.4)}
plot_apply_rcparams = True

# -- Pages -------------------------------------------------------------------------------

html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

html_theme = "pydata_sphinx_theme"
# Pages without pages below them have no use for a column that lists these.
html_sidebars = {page: [] for page in ("index", "getting_started", "benchmarks", "changelog")}
html_title = f"sklearn-linrnn {release}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
