"""Run benchmarks: ``python -m benchmarks [NAME ...]``."""

import platform

import click
import numpy as np
import sklearn
import torch
from threadpoolctl import threadpool_limits

from benchmarks import (
    airline,
    backtest,
    billion,
    channels,
    cluster,
    costs,
    coverage,
    decoders,
    evidence,
    grid_search,
    lag_statistics,
    long_series,
    lru_step,
    many_lags,
    memory_map,
    mne_ridge,
    neural_s1,
    nonlinear_benchmark,
    panels,
    recordings,
    recurrent_kernel,
    ridge,
    rnn_gpu,
    rnn_step,
    simulated_coverage,
    solver_choice,
    system_identification,
    tree_of_sums,
    update,
)

BENCHMARKS = {
    module.__name__.split(".")[-1]: module.run
    for module in (
        ridge,
        mne_ridge,
        rnn_step,
        lru_step,
        rnn_gpu,
        airline,
        lag_statistics,
        grid_search,
        evidence,
        channels,
        long_series,
        many_lags,
        memory_map,
        solver_choice,
        system_identification,
        nonlinear_benchmark,
        neural_s1,
        decoders,
        coverage,
        simulated_coverage,
        update,
        backtest,
        panels,
        recordings,
        recurrent_kernel,
        cluster,
        costs,
        tree_of_sums,
        billion,
    )
}
# Minutes, and much longer with another process beside them.
BY_NAME_ALONE = {"billion", "channels", "decoders"}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--threads", default=2, show_default=True, help="Threads, for all libraries.")
def main(names: tuple[str, ...], threads: int) -> None:
    """Run the benchmarks with the given NAMES, or all that take no more than some minutes."""
    torch.set_num_threads(threads)
    print(
        f"{platform.machine()}, {threads} threads; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
    with threadpool_limits(threads):
        for name in names or [each for each in BENCHMARKS if each not in BY_NAME_ALONE]:
            print()
            BENCHMARKS[name]()


if __name__ == "__main__":
    main()
