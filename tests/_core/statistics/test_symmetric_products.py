"""Half of a symmetric product is all of it."""

import pytest
import torch
from torch.testing import assert_close

from sklearn_linrnn._core.statistics.symmetric_products import BAND, ENOUGH, add_symmetric


@pytest.mark.parametrize("n_rows", [0, 1, ENOUGH - 1, ENOUGH])
@pytest.mark.parametrize("n_columns", [0, 1, BAND, BAND + 1, 2 * BAND + 7])
def test_it_is_the_product(n_rows, n_columns):
    source = torch.Generator().manual_seed(0)
    rows = torch.randn(n_rows, n_columns, generator=source, dtype=torch.float64)
    weighted = rows * torch.rand(n_rows, 1, generator=source, dtype=torch.float64)
    total = torch.ones(n_columns, n_columns, dtype=torch.float64)
    add_symmetric(total, weighted, rows)
    assert_close(total, 1.0 + weighted.T @ rows, rtol=1e-12, atol=1e-12)
