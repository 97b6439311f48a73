"""Inputs that follow from others are found, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from sklearn_linrnn._studies.identification.dependent_inputs import (
    dependent_inputs,
    warn_of_dependent_inputs,
)

HEAT, FLOW = np.random.default_rng(0).normal(size=(2, 200))


def found(**inputs):
    return dependent_inputs(pd.DataFrame(inputs))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e200, 1e300])
def test_what_follows_from_earlier_inputs_is_named_with_these(scale):
    heat, flow = scale * (1e3 + HEAT), FLOW
    assert found(heat=heat, flow=flow) == {}
    assert found(heat=heat, flow=flow, same=heat, twice=-2.0 * heat + 3.0) == {
        "same": ["heat"],
        "twice": ["heat"],
    }
    total = heat / scale + flow
    assert found(heat=heat, flow=flow, total=total, again=total) == {
        "total": ["heat", "flow"],
        "again": ["heat", "flow"],
    }


def test_an_input_of_its_own_is_kept_however_alike():
    assert found(heat=HEAT, near=HEAT + 0.01 * FLOW) == {}
    assert found(heat=HEAT, near=HEAT + 1e-5 * FLOW) == {"near": ["heat"]}
    assert found(heat=HEAT, late=np.roll(HEAT, 1)) == {}


def test_what_does_not_vary_and_what_is_missing_depend_on_nothing():
    holes = np.where(np.arange(200) % 7 == 0, np.nan, HEAT)
    assert found(constant=np.ones(200), heat=HEAT, zero=np.zeros(200)) == {}
    assert found(heat=HEAT, holes=holes) == {"holes": ["heat"]}
    assert found(heat=HEAT, never=np.full(200, np.nan)) == {}


def test_few_rows_say_nothing():
    assert found(a=HEAT[:2], b=FLOW[:2]) == {}


def test_the_warning_names_them():
    inputs = pd.DataFrame({"heat": HEAT, "flow": FLOW, "same": HEAT, "total": HEAT + FLOW})
    with pytest.warns(UserWarning, match="same from heat and total from heat and flow"):
        warn_of_dependent_inputs(inputs)
    warn_of_dependent_inputs(inputs[["heat", "flow"]])
