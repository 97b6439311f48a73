"""The Python of the README and of the first pages runs as it is pasted, without warnings."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "user_guide").glob("*.rst"))
INDENTED = r"\n((?:   :.*\n(?:      .*\n)*)*)\n((?:   .*\n|\n)+)"


def readme_blocks():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


def directive_blocks(page, directive):
    """Return the code below each of the page's directives, less its options."""
    blocks = re.findall(rf"\.\. {directive}{INDENTED}", page.read_text())
    return [dedent(code) for _, code in blocks]


FIRST_PAGES = [
    *readme_blocks(),
    *directive_blocks(DOCS / "getting_started.rst", "plot::"),
    *directive_blocks(DOCS / "getting_started.rst", "code-block:: python"),
]


@pytest.mark.parametrize("block", FIRST_PAGES)
def test_a_block_pasted_alone_runs_without_a_warning(block, tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=block,
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout or "plt." in block


def test_no_block_is_missed():
    assert len(readme_blocks()) == (ROOT / "README.md").read_text().count("```python")
    assert len(FIRST_PAGES) == 9


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_figures_of_the_guides_are_drawn(page, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    for code in directive_blocks(page, "plot::"):
        plt.close("all")
        exec(compile(code, page.name, "exec"), {})
        assert all(ax.has_data() or ax.patches for ax in plt.gcf().axes)
    plt.close("all")
