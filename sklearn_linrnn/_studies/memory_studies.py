"""The studies of `sklearn-linrnn memory-bias`: of networks, or of priors of all recurrences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

WHOLE_FAMILY = "all"


@dataclass(frozen=True)
class MemoryStudy:
    """A study that the command can run.

    Attributes
    ----------
    run : callable
        From a series, its inputs and the parameters that all studies have, to a result that has a
        ``table`` and ``to_html``.
    show : callable
        Prints such a result.
    template : str
        Name of the template of its page.
    """

    run: Callable[..., Any]
    show: Callable[[Any], None]
    template: str


# What a study needs is imported where one was asked for: --help and wrong options answer at once.


def network_study(nu_w: Sequence[float]) -> MemoryStudy:
    """Return the study of what the bias of networks costs."""
    from sklearn_linrnn._studies.memory_bias import memory_bias  # noqa: PLC0415
    from sklearn_linrnn._studies.memory_bias_page import TEMPLATE  # noqa: PLC0415
    from sklearn_linrnn._studies.memory_bias_report import print_report  # noqa: PLC0415

    return MemoryStudy(partial(memory_bias, nu_w=nu_w), print_report, TEMPLATE)


def family_study(names: Sequence[str]) -> MemoryStudy:
    """Return the comparison of the priors of these names, or of all."""
    from sklearn_linrnn._studies.prior_comparison.comparison import compare_priors  # noqa: PLC0415
    from sklearn_linrnn._studies.prior_comparison.page import COMPARISON_TEMPLATE  # noqa: PLC0415
    from sklearn_linrnn._studies.prior_comparison.report import print_comparison  # noqa: PLC0415
    from sklearn_linrnn.inspection._named_priors import read_priors  # noqa: PLC0415

    priors = None if WHOLE_FAMILY in names else list(dict.fromkeys(names))
    read_priors(priors)  # before the file is read
    return MemoryStudy(
        partial(compare_priors, priors=priors), print_comparison, COMPARISON_TEMPLATE
    )
