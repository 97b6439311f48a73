"""What the files for contributors say is so."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import sklearn_linrnn

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, BUILD = CONFIGURATION["project"], CONFIGURATION["build-system"]
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_citation_is_that_of_this_version():
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    assert CITATION["version"] == sklearn_linrnn.__version__
    assert CITATION["title"] == PROJECT["name"]
    assert CITATION["abstract"] == PROJECT["description"]
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["authors"] == PROJECT["authors"]


def test_the_citation_names_the_paper():
    (paper,) = CITATION["references"]
    (preprint,) = paper["identifiers"]
    assert paper["authors"][0]["family-names"] == "Emami"
    number = preprint["value"].removeprefix("arXiv:")
    assert f"arxiv.org/abs/{number}" in (ROOT / "README.md").read_text()


PATHS = {
    word for word in re.findall(r"[\w./]+", GUIDE) if re.search(r"\w/|\w\.(py|md|toml|txt)$", word)
}


@pytest.mark.parametrize("path", sorted(PATHS - {".venv/bin/python"}))
def test_the_guide_for_contributors_names_files_that_exist(path):
    assert (ROOT / path).exists() or (ROOT / "sklearn_linrnn" / path).exists()


def test_the_guide_for_contributors_names_targets_that_exist():
    named = re.findall(r"(?:\$ |`)make ([a-z-]+)", GUIDE)
    assert set(named) <= set(TARGETS)
    assert {"test", "lint", "docs"} <= set(named)


def test_hooks_and_workflows_call_targets_that_exist():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]] == ["make lint"]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    runs = jobs["make"]["strategy"]["matrix"]["include"]
    targets = {run["target"] for run in runs}
    assert targets == {"test", "test-oldest", "lint", "docs"} <= set(TARGETS)
    oldest = PROJECT["requires-python"].removeprefix(">=")
    for target in ("test", "test-oldest"):
        assert oldest in {run["python"] for run in runs if run["target"] == target}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_oldest_versions_are_the_lower_bounds_of_all_requirements(tmp_path):
    made = tmp_path / "constraints.txt"
    subprocess.run(["make", f"OLDEST={tmp_path}", made], cwd=ROOT, check=True)
    groups = [
        BUILD["requires"],
        PROJECT["dependencies"],
        *PROJECT["optional-dependencies"].values(),
    ]
    requirements = [Requirement(line) for group in groups for line in group]
    bounds = {one.name: str(one.specifier) for one in requirements if one.name != PROJECT["name"]}
    oldest = dict(line.split("==") for line in made.read_text().splitlines())
    assert bounds == {name: f">={version}" for name, version in oldest.items()}
