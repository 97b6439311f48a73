"""An operation that is run many times, without the host between its kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP = 3  # runs in which libraries allocate their workspaces, before a capture may begin


class Repeated:
    """An operation captured once as a CUDA graph, then replayed: one launch for all its kernels.

    The operation must work in place, on tensors that stay where they are, and must not read a
    number back. Its first runs are not captured; they count like all others.

    Parameters
    ----------
    step : callable
        What to run.
    device : torch.device
        The CUDA device that it runs on; on any other device it is called as it is.
    """

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step = step
        self.device = device
        self.n_runs = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def run(self, n_times: int) -> None:
        """Run the operation ``n_times``."""
        if self.device.type != "cuda":
            for _ in range(n_times):
                self.step()
            return
        with torch.cuda.device(self.device):
            for _ in range(n_times):
                self._run()

    def _run(self) -> None:
        if self.graph is not None:
            self.graph.replay()
        elif self.n_runs < WARM_UP:
            side, main = torch.cuda.Stream(), torch.cuda.current_stream()
            side.wait_stream(main)
            with torch.cuda.stream(side):
                self.step()
            main.wait_stream(side)
        else:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.step()
            self.graph.replay()
        self.n_runs += 1
