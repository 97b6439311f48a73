"""Draw the pictures of the README and of the home page: `make pictures`.

The delay task is the gallery's figure, the forecast that of the README's first lines of Python.
"""

import os
import re
import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "_static"


def draw_delay_task() -> None:
    """Run the example, and save its figure."""
    runpy.run_path(str(ROOT / "examples" / "plot_delay_task.py"))
    plt.savefig(PICTURES / "delay_task.png")


def draw_forecast() -> None:
    """Run the README's first lines of Python, which save their figure where they run."""
    first = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    os.chdir(PICTURES)
    exec(first[1], {})


if __name__ == "__main__":
    mpl.use("agg")
    mpl.rcParams["savefig.dpi"] = 160
    draw_delay_task()
    draw_forecast()
