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
    coverage,
    evidence,
    grid_search,
    lag_statistics,
    long_series,
    many_lags,
    memory_map,
    mne_ridge,
    neural_s1,
    panels,
    recordings,
    ridge,
    rnn_gpu,
    rnn_step,
    solver_choice,
    system_identification,
    update,
)

BENCHMARKS = {
    module.__name__.split(".")[-1]: module.run
    for module in (
        ridge,
        mne_ridge,
        rnn_step,
        rnn_gpu,
        airline,
        lag_statistics,
        grid_search,
        evidence,
        long_series,
        many_lags,
        memory_map,
        solver_choice,
        system_identification,
        neural_s1,
        coverage,
        update,
        backtest,
        panels,
        recordings,
    )
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--threads", default=2, show_default=True, help="Threads, for all libraries.")
def main(names: tuple[str, ...], threads: int) -> None:
    """Run the benchmarks with the given NAMES, or all of them."""
    torch.set_num_threads(threads)
    print(
        f"{platform.machine()}, {threads} threads; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
    with threadpool_limits(threads):
        for name in names or BENCHMARKS:
            print()
            BENCHMARKS[name]()


if __name__ == "__main__":
    main()
