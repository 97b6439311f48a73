"""Counts of the cases, for the table at the end of a run."""

from collections import Counter
from contextlib import contextmanager

import pytest

from .counts import PROPERTY


@pytest.fixture
def counting(request):
    """Return a context that counts what happens to a class, and puts it into the report."""

    @contextmanager
    def counting(name):
        counts = Counter()
        try:
            yield counts
        finally:
            request.node.user_properties.append((PROPERTY, [name, dict(counts)]))

    return counting
