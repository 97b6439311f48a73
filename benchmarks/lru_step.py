"""An iteration of `LRURegressor` beside one that forms the powers of all poles at all lags.

The floor is what any iteration with these powers takes: each one from the one before it, by one
complex multiplication, and the two matrix products with them, of the response and of its gradient.
The peer is automatic differentiation in PyTorch of the response that these powers give. Ours is
also with all that training decides at each iteration.
"""

import itertools
from functools import partial

import torch

from benchmarks.measure import Action, median_times, milliseconds, show
from benchmarks.rnn_step import make_sequences
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.networks.lru import LRUModel, LRUParameters, draw_lru
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn._core.training.optimizers import GradientDescent
from sklearn_linrnn._core.training.schedules import scheduled_share

RING, VARIANCES = (0.9, 0.999, 1.0), (1.0, 1.0)
N_SEQUENCES, LEARNING_RATE = 1_000, 1e-6


def initial_unit(n_hidden: int) -> LRUParameters:
    """Return the initial parameters of both."""
    generator = torch.Generator().manual_seed(0)
    return draw_lru(n_hidden, 1, 1, RING, VARIANCES, generator).like(torch.empty(0))


def make_floor(n_hidden: int, n_lags: int) -> Action:
    """Return an action that forms all powers, and multiplies with them twice."""
    poles, _, _ = initial_unit(n_hidden).equations()
    powers = torch.ones(n_lags, n_hidden, dtype=poles.dtype)
    pairs = torch.view_as_real(powers).flatten(1)
    weights, gradient = torch.randn(2 * n_hidden, 1), torch.randn(2, n_lags)

    def floor() -> None:
        for before, after in itertools.pairwise(powers):
            torch.mul(before, poles, out=after)
        pairs @ weights
        gradient @ pairs

    return floor


def make_peer(n_hidden: int, statistics: LagStatistics) -> tuple[list[torch.Tensor], Action]:
    """Return the peer's parameters, and the gradient of its loss."""
    leaves = [leaf.requires_grad_() for leaf in initial_unit(n_hidden).trained()]
    lag = torch.arange(statistics.n_lags)[:, None]

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        parameters = LRUParameters(*leaves)
        _, driven, readout = parameters.equations()
        size, phase = -parameters.log_rate.double().exp(), parameters.log_phase.double().exp()
        powers = torch.polar(torch.exp(lag * size), lag * phase).to(driven)
        response = (powers @ (driven * readout.T)).real * n_hidden**-0.5
        statistics.profile_loss(response.double())[0].backward()

    return leaves, step


def compare(n_hidden: int, n_lags: int) -> tuple[str, ...]:
    """Return a row of the table."""
    statistics = LagStatistics.from_windows(*make_sequences(N_SEQUENCES, n_lags), device="cpu")
    model = LRUModel(initial_unit(n_hidden), n_lags)
    training = Training(
        Objective(model, statistics),
        GradientDescent(model.parameters),
        Stopping(10**9, tol=0.0, patience=1),
        LEARNING_RATE,
        partial(scheduled_share, "constant", max_iter=1),
    )
    leaves, peer_step = make_peer(n_hidden, statistics)
    peer_step(), training.run(1)
    pairs = [(ours.grad, leaf.grad) for ours, leaf in zip(model.parameters, leaves, strict=True)]
    gap = max(float((own - other).norm() / other.norm()) for own, other in pairs)
    ours, peer, floor = median_times(
        {
            "ours": lambda: training.run(1),
            "peer": peer_step,
            "floor": make_floor(n_hidden, n_lags),
        },
        rounds=3,
    )
    numbers = milliseconds(ours), milliseconds(peer), f"{peer / ours:.1f}", f"{ours / floor:.2f}"
    return str(n_hidden), str(n_lags), *numbers, f"{gap:.0e}"


def run() -> None:
    """Print the times of an iteration, their ratios and the difference of the gradients."""
    show(
        f"lru_step: {N_SEQUENCES:,} sequences, float32; peer: automatic differentiation",
        ("n_hidden", "n_lags", "iteration", "peer's", "ratio", "iteration / floor", "gradients"),
        [compare(n_hidden, n_lags) for n_lags in (100, 1000) for n_hidden in (256, 512, 1024)],
    )
