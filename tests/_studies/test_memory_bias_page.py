"""The report: one page that needs nothing else, and fits a phone."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklearn_linrnn import memory_bias
from sklearn_linrnn._studies.memory_bias_page import render_page
from sklearn_linrnn._studies.memory_bias_report import legend

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SMALL = {"n_lags": 8, "nu_w": (0.1, 0.3, 0.5, 0.7, 0.9), "n_hidden": 32, "max_iter": 10}
PHONE = 390


@pytest.fixture(scope="module")
def result():
    index = pd.period_range("2000-01", periods=120, freq="M")
    values = np.random.default_rng(0).normal(size=120).cumsum()
    return memory_bias(pd.Series(values, index=index, name="<a> & b.csv"), n_seeds=2, **SMALL)


@pytest.fixture(scope="module")
def page(result):
    return render_page(result, "sklearn-linrnn memory-bias 'b c.csv' --report x.html")


class Addresses(HTMLParser):
    """Collect whatever a page would load or link to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [v for name, v in attributes if name in ("src", "srcset", "href")]


def words(page):
    """Return what a reader sees."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(text.split())


def test_the_page_needs_no_network(page):
    parser = Addresses()
    parser.feed(page)
    assert len(parser.found) == 7, "three pictures, light and dark, and an empty icon"
    assert all(address.startswith("data:") for address in parser.found)
    assert not re.search(r"@import|url\(|<script|<link(?! rel=\"icon\")", page)


def test_the_page_has_verdict_table_method_and_command(page, result):
    text = words(page)
    for part in ("What does that cost", "Pictures", "All models", "What was done to the data",
                 "Method", "How to get the same again", "Diebold and Mariano"):  # fmt: skip
        assert part in text
    assert "sklearn-linrnn memory-bias &#39;b c.csv&#39; --report x.html" in page
    assert f"{len(result.errors)} time steps" in text
    assert "2003-09 to" in text or "to 2009-12" in text


def test_names_are_shown_as_they_are(page):
    assert "&lt;a&gt; &amp; b.csv" in page
    assert "<a> &" not in page


def test_without_a_command_the_page_has_the_call(result):
    text = words(render_page(result)).replace("&#39;", "'")
    assert "memory_bias( y, n_lags=8, nu_w=(0.1, 0.3, 0.5, 0.7, 0.9), n_hidden=32" in text


def test_the_same_study_is_the_same_page(result, page):
    assert render_page(result, "sklearn-linrnn memory-bias 'b c.csv' --report x.html") == page


def test_what_was_done_to_the_data_is_said():
    y = np.random.default_rng(0).uniform(1, 2, size=60)
    options = {"n_lags": 2, "nu_w": 0.5, "n_hidden": 5, "n_seeds": 1, "max_iter": 2}
    text = words(render_page(memory_bias(y, log=True, difference=True, **options)))
    assert "Logarithms of the series were taken" in text
    assert "Differences of neighbouring time steps of the series were taken" in text
    driven = words(render_page(memory_bias(y, np.c_[y, y[::-1]], difference=True, **options)))
    assert "of the series and of its inputs were taken" in driven
    assert "2 time steps of 2 inputs" in driven


def test_a_page_is_written_whole_or_not_at_all(result, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    result.to_html(path)
    before = path.read_text(encoding="utf-8")
    assert before.rstrip().endswith("</html>")
    monkeypatch.setattr("pathlib.Path.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        result.to_html(path)
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [PHONE, 1280])
def test_nothing_overflows(page, tmp_path, width):
    probe = (
        "<script>addEventListener('load', () => { const e = document.documentElement;"
        "document.title = [innerWidth, e.scrollWidth, ...Array.from(document.images,"
        " i => i.naturalWidth > 0)].join(' ') })</script></body>"
    )
    # A frame has the width that a window without a screen may not have.
    (tmp_path / "inner.html").write_text(page.replace("</body>", probe), encoding="utf-8")
    frame = (
        f"<iframe src='inner.html' style='border:0' width={width} height=800 onload="
        "'setTimeout(() => document.title = this.contentDocument.title, 0)'></iframe>"
    )
    (tmp_path / "outer.html").write_text(frame, encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
        "--virtual-time-budget=2000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        (tmp_path / "outer.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    inner, scroll, *loaded = re.search(r"<title>(.*?)</title>", done.stdout)[1].split()
    assert int(inner) == width
    assert int(scroll) <= width
    assert loaded == ["true"] * 3


@pytest.mark.parametrize("is_lazy", [True, False])
def test_the_legend_of_the_terminal_fits_80_columns(result, is_lazy):
    table = result.table.assign(is_lazy=is_lazy)
    text = legend(SimpleNamespace(errors=result.errors, design=result.design, table=table))
    assert ("\n*  " in text) == (not is_lazy)
    assert max(map(len, text.splitlines())) < 80
