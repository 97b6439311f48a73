"""Which steps of series sums are over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn.forecasting._series.panels import Steps


@dataclass(frozen=True)
class Span:
    """Windows whose furthest target lies between two steps of each series.

    Attributes
    ----------
    starts, ends : mapping of tuple to int
        The first step, and the one after the last. A series without a start is there from its
        first step on, and one without an end is not there.
    """

    starts: Steps
    ends: Steps

    def shifted(self, n_before: Steps) -> Span:
        """Return the same span where other steps have come before the first ones."""
        return Span(_shifted(self.starts, n_before), _shifted(self.ends, n_before))


@dataclass(frozen=True, eq=False)
class Coverage:
    """Which windows of series sums are over, and which there were to choose from.

    Attributes
    ----------
    spans : tuple of Span
        The windows.
    upto : mapping of tuple to int
        The step of each series up to which all windows are in the sums, or were left out on
        purpose.
    earlier : list of LagStatistics or None
        The sums of other series that were added.
    """

    spans: tuple[Span, ...]
    upto: Steps
    earlier: list[LagStatistics] | None

    def up_to(self, ends: Steps) -> Coverage:
        """Return what is covered with all windows up to later steps."""
        *before, newest = self.spans
        if newest.ends == self.upto:
            spans = (*before, Span(newest.starts, ends))
        else:
            spans = (*self.spans, Span(self.upto, ends))
        return replace(self, spans=spans, upto=ends)

    def shifted(self, n_before: Steps) -> Coverage:
        """Return the same where other steps have come before the first ones."""
        spans = tuple(span.shifted(n_before) for span in self.spans)
        return replace(self, spans=spans, upto=_shifted(self.upto, n_before))


def _shifted(steps: Steps, n_before: Steps) -> Steps:
    return {key: step + n_before.get(key, 0) for key, step in steps.items()}
