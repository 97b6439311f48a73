"""Arrays of any layout as tensors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.tensors import as_float64, row_norms


@pytest.mark.parametrize("unit", [1.0, 1e-200, 1e200])
def test_norms_of_rows_have_no_unit(unit):
    matrix = np.random.default_rng(0).normal(size=(4, 3)) * [[1.0], [1e60], [0.0], [1e-60]]
    found = row_norms(torch.from_numpy(unit * matrix))
    assert_allclose(found[:, 0], unit * np.linalg.norm(matrix, axis=1), rtol=1e-14)
    assert row_norms(torch.ones(2, 0)).shape == (2, 1)


@pytest.mark.parametrize("shape", [(1, 4, 1), (3, 1, 1), (2, 3, 4), (0, 2, 2), (5,)])
@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8", "int8", "longdouble"])
def test_arrays_that_run_backwards_are_read(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for turned in (array[::-1], np.flip(array), array.T[::-1]):
        assert_array_equal(as_float64(turned).numpy(), turned.astype(np.float64))
