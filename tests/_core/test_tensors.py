"""Arrays of any layout as tensors."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_linrnn._core.tensors import as_float64


@pytest.mark.parametrize("shape", [(1, 4, 1), (3, 1, 1), (2, 3, 4), (0, 2, 2), (5,)])
@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8", "int8", "longdouble"])
def test_arrays_that_run_backwards_are_read(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for turned in (array[::-1], np.flip(array), array.T[::-1]):
        assert_array_equal(as_float64(turned).numpy(), turned.astype(np.float64))
