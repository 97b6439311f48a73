"""Real recordings: the memory bias pays, and evidence finds what a peer finds, or more."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from sklearn_linrnn import LagWeighter, NTKConvRegressor
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise

N_LAGS, ALPHA = 15, 1e4


@pytest.fixture(scope="module")
def neural(data_folder):
    """Return (X, Y, sequence_id) of the first 70 %, of 15 % to validate on, and of the last."""
    if not (path := data_folder / "neural_s1.npz").is_file():
        pytest.skip(f"needs {path}")
    with np.load(path) as stored:
        X, Y, starts = np.sqrt(stored["spikes"]), stored["vel"], stored["segment_start"]
    ends = int(0.7 * len(X)), int(0.85 * len(X))
    X = (X - X[: ends[0]].mean(axis=0)) / X[: ends[0]].std(axis=0)
    ids = np.searchsorted(starts, np.arange(len(X)), side="right")
    return list(zip(*(np.split(array, ends) for array in (X, Y, ids)), strict=True))


def decoder(nu_w):
    return NTKConvRegressor(nu_w, alpha=ALPHA, rows="timesteps", n_lags=N_LAGS)


def test_a_short_memory_decodes_both_directions(neural):
    (X, Y, ids), _, (X_new, Y_new, new_ids) = neural
    model = decoder(0.7).fit(X, Y, sequence_id=ids)
    prediction = model.predict(X_new, sequence_id=new_ids)
    along_x, along_y = r2_score(Y_new, prediction, multioutput="raw_values")
    assert along_x >= 0.69
    assert along_y >= 0.675


def test_a_validated_memory_beats_flat_weights(neural):
    (X, Y, ids), (X_val, Y_val, val_ids), (X_new, Y_new, new_ids) = neural
    models = [decoder(nu_w).fit(X, Y, sequence_id=ids) for nu_w in (0.3, 0.5, 0.7, 0.8, 0.9)]
    best = max(models, key=lambda model: model.score(X_val, Y_val, sequence_id=val_ids))
    weighter = LagWeighter("flat", rows="timesteps", n_lags=N_LAGS)
    flat = Ridge(ALPHA).fit(weighter.fit_transform(X, sequence_id=ids), Y)
    flat_score = flat.score(weighter.transform(X_new, sequence_id=new_ids), Y_new)
    assert best.score(X_new, Y_new, sequence_id=new_ids) > flat_score


# Input, output, and the best R^2 that PyPI's impulseest 1.0 has with its kernels DI, TC and DC, by
# its own optimiser or by Powell's.
SYSTEMS = {
    "daisy_heat_exchanger": ("u_flow", "y_temp", 0.8232),
    "daisy_hair_dryer": ("u_voltage", "y_air_temp", 0.9796),
    "gas_furnace_boxjenkins": ("u_gasrate_ft3min", "y_co2_pct", 0.6085),
    "daisy_cd_player_arm": ("u1_force", "y1_track", 0.9143),
    "daisy_wing_flutter": ("u", "y", -0.0006),
    "silverbox_snls80mv": ("u_v1", "y_v2", 0.9787),
    "wiener_hammerstein_2009": ("u", "y", 0.9676),
}


def split(name, data_folder):
    """Return input and output less their means in the first 70 %, and the end of that part."""
    if not (path := data_folder / f"{name}.csv.gz").is_file():
        pytest.skip(f"needs {path}")
    table = pd.read_csv(path)
    u, y = (table[column].to_numpy(float) for column in SYSTEMS[name][:2])
    n_train = int(0.7 * len(u))
    return u[:, None] - u[:n_train].mean(), y - y[:n_train].mean(), n_train


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.filterwarnings("ignore:The search for the highest evidence did not converge")
@pytest.mark.filterwarnings("ignore:The highest evidence is that of")
def test_auto_simulates_systems_as_well_as_the_peer(name, data_folder):
    u, y, n_train = split(name, data_folder)
    peer = SYSTEMS[name][2]
    model = NTKConvRegressor("auto", alpha="auto", n_lags="auto", rows="timesteps")
    model.fit(u[:n_train], y[:n_train])
    assert r2_score(y[n_train:], model.predict(u)[n_train:]) >= peer - 0.01
    if peer < 0:
        assert np.isinf(model.alpha_), "nothing can be learned there"


def test_intervals_hold_on_a_system_whose_noise_drifts(data_folder):
    u, y, n_train = split("daisy_hair_dryer", data_folder)
    model = NTKConvRegressor("auto", alpha="auto", n_lags="auto", rows="timesteps")
    mean, std = model.fit(u[:n_train], y[:n_train]).predict(u, return_std=True)
    assert model.noise_predictability_ > 0.8
    assert np.mean(np.abs(y - mean)[n_train:] < 1.645 * std[n_train:]) >= 0.89


def test_noise_that_grows_is_told_by_no_figure_of_the_first_part(data_folder):
    u, y, n_train = split("gas_furnace_boxjenkins", data_folder)
    model = NTKConvRegressor("auto", alpha="auto", n_lags="auto", rows="timesteps")
    mean, std = model.fit(u[:n_train], y[:n_train]).predict(u, return_std=True)
    residuals = y - mean
    white = np.sqrt(np.square(residuals[:n_train]).mean())
    assert (std[n_train:] > 1.1 * white).all()  # it is noticed that they are not white
    # But what is new in each step, and with it all errors, becomes several times as large.
    new = SerialNoise.of([residuals[:n_train]]).whitened(residuals)
    assert np.nanstd(new[n_train:]) > 2.5 * np.nanstd(new[:n_train])
    assert np.mean(np.abs(residuals[n_train:]) < 1.645 * std[n_train:]) > 0.55
