"""NLinear in PyTorch, trained as its authors train it: the peer of `benchmarks.ltsf`.

A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are Transformers Effective for Time Series Forecasting?", AAAI
2023: the last value is subtracted from the window, one linear layer that all channels share
forecasts every horizon, and the value is added again.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import mse_loss

BATCH, LEARNING_RATE, MOST_EPOCHS, PATIENCE = 32, 0.005, 10, 3


def forecast(layer: Linear, windows: Tensor) -> Tensor:
    """Return forecasts (m, n_columns, n_horizons) of windows (m, n_columns, n_lags)."""
    last = windows[..., -1:]
    return layer(windows - last) + last


def train(
    training: NDArray, validation: NDArray, n_lags: int, n_horizons: int, seed: int = 0
) -> Linear:
    """Return the layer of the epoch with the least validation loss.

    Adam, whose step halves with each epoch, on shuffled batches; training stops after so many
    epochs without a new best. Both series are (n_timesteps, n_columns).
    """
    torch.manual_seed(seed)
    layer = Linear(n_lags, n_horizons)
    optimizer = torch.optim.Adam(layer.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    windows, held_out = (_windows(part, n_lags + n_horizons) for part in (training, validation))
    best, waited, state = np.inf, 0, layer.state_dict()
    for _ in range(MOST_EPOCHS):
        for rows in torch.randperm(len(windows)).split(BATCH):
            batch = windows[rows]
            optimizer.zero_grad()
            mse_loss(forecast(layer, batch[..., :n_lags]), batch[..., n_lags:]).backward()
            optimizer.step()
        schedule.step()
        loss = mean_squared_error(layer, held_out, n_lags)
        waited = 0 if loss < best else waited + 1
        if loss < best:
            best, state = loss, {name: value.clone() for name, value in layer.state_dict().items()}
        if waited == PATIENCE:
            break
    layer.load_state_dict(state)
    return layer


def test_error(layer: Linear, series: NDArray) -> float:
    """Return the mean squared error of all windows of a series (n_timesteps, n_columns)."""
    return mean_squared_error(
        layer, _windows(series, layer.in_features + layer.out_features), layer.in_features
    )


@torch.no_grad()
def mean_squared_error(layer: Linear, windows: Tensor, n_lags: int) -> float:
    """Return the mean squared error on windows (m, n_columns, n_lags + n_horizons)."""
    squares = [
        (forecast(layer, batch[..., :n_lags]) - batch[..., n_lags:]).square().sum()
        for batch in windows.split(BATCH)
    ]
    n_targets = len(windows) * windows.shape[1] * (windows.shape[2] - n_lags)
    return float(torch.stack(squares).sum()) / n_targets


def _windows(series: NDArray, length: int) -> Tensor:
    """Return all windows of a series as a view, (m, n_columns, length)."""
    return torch.from_numpy(np.ascontiguousarray(series, dtype=np.float32)).unfold(0, length, 1)
