"""What each stage costs, counted and measured: ``python -m benchmarks costs``.

Bytes that are read and sent are counted by the formulas below, and counted again where they pass.
Operations are counted by the formulas alone: if these have what matters, the rate at which a
machine does them changes little with the size of the problem. The last tables are what follows for
more data and more machines than there are here.
"""

import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.measure import show
from sklearn_linrnn import LagStatistics, LagStream, NTKConvRegressor, SeriesPieces
from sklearn_linrnn._core.statistics.displacement import transform_length
from sklearn_linrnn._core.statistics.stream_sums import part_length

NU_W = 0.9995  # so that no lag is negligible


@dataclass(frozen=True)
class Costs:
    """Costs of learning from one recording.

    Attributes
    ----------
    n_timesteps : int
        Number of time steps.
    n_lags, n_channels, n_outputs : int
        The shape of the model.
    itemsize : int
        Bytes of a number in the file.
    """

    n_timesteps: int
    n_lags: int
    n_channels: int = 1
    n_outputs: int = 1
    itemsize: int = 4

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the model, ``p``."""
        return self.n_lags * self.n_channels

    @property
    def bytes_read(self) -> int:
        """Bytes of inputs and targets."""
        return self.n_timesteps * (self.n_channels + self.n_outputs) * self.itemsize

    @property
    def sum_flops(self) -> float:
        """Operations of the sums: of every time step, and of the scatter of each part."""
        length = part_length(None, self.n_inputs, self.n_channels + self.n_outputs)
        n_parts = -(-self.n_timesteps // length)
        return self.n_timesteps * self.step_flops + n_parts * 20 * self.n_inputs**2

    @property
    def step_flops(self) -> float:
        """Operations of a time step: real transforms of ``N`` numbers, and products of spectra.

        For every ``N - n_lags + 1`` time steps one transform of inputs and targets each, and
        another one of the inputs.
        """
        channels, columns = self.n_channels, self.n_channels + self.n_outputs
        length = transform_length(self.n_timesteps, self.n_lags, channels * columns)
        transforms = 2.5 * (channels + columns) * length * math.log2(length)
        products = 4 * channels * columns * length
        return (transforms + products) / (length - self.n_lags + 1) + 6 * columns

    @property
    def bytes_sent(self) -> int:
        """Bytes of the sums, float64 each."""
        inputs, outputs = self.n_inputs, self.n_outputs
        return 8 * (inputs**2 + inputs * outputs + inputs + 2 * outputs + 1)

    @property
    def add_flops(self) -> float:
        """Operations of adding sums to others: of the scatters, and of the means' difference."""
        return 3 * self.n_inputs * (self.n_inputs + self.n_outputs)

    @property
    def solve_flops(self) -> float:
        """Operations of a ridge: of a factorisation by Cholesky."""
        return self.n_inputs**3 / 3

    @property
    def evidence_flops(self) -> float:
        """Operations of one eigendecomposition, for a search by evidence or a path of penalties."""
        return 9 * self.n_inputs**3


class Counted:
    """An array in a file, of which slices are read; their bytes are counted."""

    def __init__(self, array: NDArray) -> None:
        self.array, self.shape, self.dtype, self.n_bytes = array, array.shape, array.dtype, 0

    def __getitem__(self, key: slice) -> NDArray:
        """Return a slice."""
        part = self.array[key]
        self.n_bytes += part.nbytes
        return part


def make_data(costs: Costs) -> tuple[NDArray, NDArray]:
    """Return inputs and targets of white noise in float32."""
    rng = np.random.default_rng(0)
    shapes = ((costs.n_timesteps, columns) for columns in (costs.n_channels, costs.n_outputs))
    x, y = (rng.standard_normal(shape, np.float32) for shape in shapes)
    return x, y


def bytes_that_were_read(costs: Costs) -> int:
    """Return the bytes that a stream asks for in a pass over a file."""
    files = [Counted(array) for array in make_data(costs)]
    LagStream(costs.n_lags).add_pieces(SeriesPieces(*files, n_timesteps=10_000))
    return sum(file.n_bytes for file in files)


def bytes_that_were_sent(statistics: LagStatistics) -> int:
    """Return the bytes of sums as they go from one process to another."""
    return len(pickle.dumps(statistics, protocol=5))


def seconds(action: Callable[[], object], n_times: int = 5) -> float:
    """Return the least time of the processor that an action takes, on one thread."""
    times = []
    for _ in range(n_times):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def sums(costs: Costs) -> LagStatistics:
    """Return the sums of white noise."""
    return LagStatistics.from_series(*make_data(costs), n_lags=costs.n_lags)


SERIES = [
    Costs(1_000_000, 100),
    Costs(4_000_000, 100),
    Costs(1_000_000, 1_000),
    Costs(4_000_000, 1_000),
    Costs(1_000_000, 4_000),
    Costs(1_000_000, 100, n_channels=8),
    Costs(1_000_000, 100, n_channels=8, n_outputs=8),
]
MODELS = [Costs(20_000, 250), Costs(20_000, 500), Costs(20_000, 1_000), Costs(20_000, 2_000)]


@dataclass(frozen=True)
class Rates:
    """What one machine does in a second, of one thread, and what its network does."""

    sum_flops: float
    add_flops: float
    solve_flops: float
    evidence_flops: float
    disk_bytes: float = 200e6
    network_bytes: float = 125e6  # 1 Gbit/s


def measure_sums() -> float:
    """Print what sums of a series cost; return the operations in a second for 1,000 lags."""
    rows, rates = [], {}
    for costs in SERIES:
        x, y = make_data(costs)
        stream = LagStream(costs.n_lags).add(x, y)
        taken = seconds(lambda stream=stream, x=x, y=y: stream.add(x, y).statistics)
        rates[costs] = costs.sum_flops / taken
        few = Costs(50_001, costs.n_lags, costs.n_channels, costs.n_outputs)
        sent = bytes_that_were_sent(sums(few))
        cells = (
            f"{few.bytes_read:,}, {bytes_that_were_read(few):,}",
            f"{costs.step_flops:,.0f}",
            f"{1e9 * taken / costs.n_timesteps:.0f} ns",
            f"{1e-9 * rates[costs]:.1f}",
            f"{1e-6 * costs.bytes_sent:.3f}, {1e-6 * sent:.3f}",
        )
        shape = f"{1e-6 * costs.n_timesteps:g}M, {costs.n_lags:,}, {costs.n_channels}"
        rows.append((f"{shape}, {costs.n_outputs}", *cells))
    show(
        "costs: sums; time steps, lags, channels, outputs; bytes as counted, and as they passed",
        ("", "bytes read of 50,001", "flops a step", "time", "Gflops", "MB sent"),
        rows,
    )
    return rates[SERIES[3]]


def measure_models() -> Rates:
    """Print what follows the sums; return the rates of the largest model."""
    rows = []
    for costs in MODELS:
        statistics = sums(costs)
        ridge = NTKConvRegressor(NU_W, device="cpu")
        evidence = NTKConvRegressor(NU_W, alpha="auto", device="cpu")
        rates = [
            costs.add_flops / seconds(lambda sums=statistics: sums + sums),
            *(
                flops / seconds(lambda m=model, sums=statistics: m.fit_statistics(sums), 2)
                for flops, model in ((costs.solve_flops, ridge), (costs.evidence_flops, evidence))
            ),
        ]
        flops = costs.add_flops, costs.solve_flops, costs.evidence_flops
        cells = (
            f"{1e3 * each / rate:,.1f} ms, {1e-9 * rate:.1f} Gflops"
            for each, rate in zip(flops, rates, strict=True)
        )
        rows.append((f"{costs.n_inputs:,}", *cells))
    show("costs: models", ("lags", "add two sums", "ridge", "search by evidence"), rows)
    return Rates(0.0, *rates)


def project(costs: Costs, n_workers: int, arity: int, rates: Rates) -> list[tuple[str, str, str]]:
    """Return stage, amount and seconds of a pass over data that workers share evenly."""
    share = costs.bytes_read / n_workers
    levels = math.ceil(math.log(n_workers, arity) - 1e-9)
    received = (arity - 1) * costs.bytes_sent
    level = received / rates.network_bytes + (arity - 1) * costs.add_flops / rates.add_flops
    flops = costs.sum_flops / n_workers
    return [
        ("read, each worker", f"{1e-9 * share:,.1f} GB", f"{share / rates.disk_bytes:,.1f}"),
        ("sums, each worker", f"{1e-12 * flops:,.2f} Tflop", f"{flops / rates.sum_flops:,.1f}"),
        ("received at each level", f"{1e-6 * received:,.0f} MB", f"{level:,.2f}"),
        (f"all levels of arity {arity}", str(levels), f"{levels * level:,.2f}"),
        ("memory of a sum", f"{1e-6 * costs.bytes_sent:,.0f} MB", ""),
        ("ridge", "", f"{costs.solve_flops / rates.solve_flops:,.2f}"),
        ("search by evidence", "", f"{costs.evidence_flops / rates.evidence_flops:,.2f}"),
    ]


def run() -> None:
    """Print the tables, measured on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sum_rate = measure_sums()
        rates = measure_models()
    finally:
        torch.set_num_threads(before)
    rates = Rates(sum_rate, rates.add_flops, rates.solve_flops, rates.evidence_flops)
    for n_lags in (1_000, 10_000, 50_000):
        costs = Costs(10**12, n_lags)
        show(
            f"costs: {costs.n_timesteps:,} time steps x {n_lags:,} lags in float32, 1,000 workers "
            f"of one thread, {1e-6 * rates.disk_bytes:.0f} MB/s of disk, 1 Gbit/s of network",
            ("", "amount", "seconds"),
            project(costs, 1_000, 2, rates),
        )
