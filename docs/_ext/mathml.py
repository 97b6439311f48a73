"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

import re

from docutils import nodes
from math_core import LatexToMathML
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

CONVERTER = LatexToMathML()


def glue_punctuation(app: Sphinx, doctree: nodes.document, _docname: str) -> None:
    """Hand the comma after a formula to the formula, so that no line begins with it."""
    if app.builder.format != "html":
        return
    for node in list(doctree.findall(nodes.math)):
        following = node.next_node(descend=False, siblings=True)
        if isinstance(following, nodes.Text):
            text = following.astext()
            node["punctuation"] = re.match(r"[^\w\s]*", text)[0]
            rest = text.removeprefix(node["punctuation"])
            following.parent.replace(following, nodes.Text(rest))


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a sentence, and what stands behind it without a space."""
    formula = CONVERTER.convert_with_local_state(node.astext(), displaystyle=False)
    punctuation = translator.encode(node.get("punctuation", ""))
    translator.body.append(f'<span class="formula">{formula}{punctuation}</span>')
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, in a box that scrolls where the page is narrow."""
    formula = CONVERTER.convert_with_local_state(node.astext(), displaystyle=True)
    translator.body.append(f'<div class="math-block" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Offer the renderer to ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("doctree-resolved", glue_punctuation)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
