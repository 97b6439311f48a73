"""A simulation of the tree of sums, with stragglers and lost workers.

The sums of parts of the data are computed by workers, and added up in a tree. As in Dask, a free
worker takes the next task that can run, additions before sums of data, and keeps the result until
it has been added. What a lost worker kept or had in hand is done again, if need be from the data
on: ``python -m benchmarks tree_of_sums``.
"""

import heapq
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import show


@dataclass(frozen=True)
class Tree:
    """A tree of sums, whose nodes are numbered: the leaves, each level of additions, the root.

    Attributes
    ----------
    n_leaves : int
        Number of parts of the data.
    arity : int
        Number of sums that are added up in a node, at least two; the last of a level may have less.
    """

    n_leaves: int
    arity: int

    @cached_property
    def children(self) -> list[range]:
        """The nodes that are added up in each node; none in a leaf."""
        children, level = [range(0)] * self.n_leaves, range(self.n_leaves)
        while len(level) > 1:
            groups = [level[i : i + self.arity] for i in range(0, len(level), self.arity)]
            level = range(len(children), len(children) + len(groups))
            children += groups
        return children

    @cached_property
    def parents(self) -> list[int]:
        """The node in which each node is added up; -1 for the root."""
        parents = [-1] * len(self.children)
        for node, children in enumerate(self.children):
            for child in children:
                parents[child] = node
        return parents


@dataclass(frozen=True)
class Cluster:
    """Workers, and how they fail.

    Attributes
    ----------
    n_workers : int
        Number of workers; each does one task at a time.
    add_seconds : float
        Time to receive a sum and to add it.
    spread : float
        Standard deviation of the logarithm of the time that a part of the data takes.
    slow_share, slow_factor : float
        Share of the workers that are slow, and how many times as long their sums of data take.
    losses : float
        How often a worker is lost in an hour.
    away_seconds : float
        Time until another takes the place of a lost worker.
    """

    n_workers: int
    add_seconds: float
    spread: float = 0.0
    slow_share: float = 0.0
    slow_factor: float = 1.0
    losses: float = 0.0
    away_seconds: float = 60.0

    def leaf_seconds(self, n_leaves: int, mean: float, rng: np.random.Generator) -> NDArray:
        """Return the time that each part of the data takes, (n_leaves,), on a worker not slow."""
        normal = rng.standard_normal(n_leaves)
        return mean * np.exp(self.spread * normal - 0.5 * self.spread**2)


def least_time(tree: Tree, cluster: Cluster, seconds: NDArray) -> float:
    """Return what no schedule can fall below, with workers that are neither slow nor lost.

    All work shared evenly, or the longest way from a leaf to the root.
    """
    adding = [cluster.add_seconds * max(len(group) - 1, 0) for group in tree.children]
    longest = [*seconds, *[0.0] * (len(adding) - len(seconds))]
    for node, group in enumerate(tree.children):
        if group:
            longest[node] = max(longest[child] for child in group) + adding[node]
    return max((float(np.sum(seconds)) + sum(adding)) / cluster.n_workers, longest[-1])


class Simulation:
    """One pass: what each node waits for, who keeps its sum, and what happens next."""

    def __init__(
        self, tree: Tree, cluster: Cluster, seconds: NDArray, rng: np.random.Generator
    ) -> None:
        n_nodes, n_workers = len(tree.children), cluster.n_workers
        self.tree, self.cluster, self.seconds, self.rng = tree, cluster, seconds, rng
        self.is_slow = rng.random(n_workers) < cluster.slow_share
        self.missing = [len(group) for group in tree.children]
        self.keeper = [-1] * n_nodes  # the worker that keeps the sum, if any
        self.kept: list[set[int]] = [set() for _ in range(n_workers)]
        self.in_hand = [-1] * n_workers
        self.free = list(range(n_workers))
        self.queue = [(1, node) for node in range(tree.n_leaves)]  # additions have 0
        self.waiting = set(range(tree.n_leaves))  # what else is in the queue is out of date
        self.events: list[tuple[float, int, str, int]] = []
        self.n_events = 0
        self.finishing = [-1] * n_workers  # the event that ends what a worker has in hand
        self.n_lost = 0

    def run(self) -> float:
        """Return the time at which the root is there."""
        for worker in range(self.cluster.n_workers):
            self._draw_loss(0.0, worker)
        now = 0.0
        while self.keeper[-1] < 0:
            self._give_out(now)
            now, number, kind, worker = heapq.heappop(self.events)
            if kind == "lose":
                self._lose(now, worker)
            elif kind == "return":
                self.free.append(worker)
                self._draw_loss(now, worker)
            elif number == self.finishing[worker]:
                self._finish(worker)
        return now

    def _at(self, time: float, kind: str, worker: int) -> int:
        self.n_events += 1
        heapq.heappush(self.events, (time, self.n_events, kind, worker))
        return self.n_events

    def _draw_loss(self, now: float, worker: int) -> None:
        if self.cluster.losses > 0:
            self._at(now + self.rng.exponential(3600 / self.cluster.losses), "lose", worker)

    def _offer(self, node: int) -> None:
        self.waiting.add(node)
        heapq.heappush(self.queue, (0 if self.tree.children[node] else 1, node))

    def _give_out(self, now: float) -> None:
        while self.free and self.queue:
            _, node = heapq.heappop(self.queue)
            if node in self.waiting:
                self.waiting.remove(node)
                worker = self.free.pop()
                self.in_hand[worker] = node
                self.finishing[worker] = self._at(
                    now + self._duration(node, worker), "finish", worker
                )

    def _duration(self, node: int, worker: int) -> float:
        if group := self.tree.children[node]:
            return self.cluster.add_seconds * (len(group) - 1)
        return self.seconds[node] * (self.cluster.slow_factor if self.is_slow[worker] else 1.0)

    def _take_from(self, worker: int) -> int:
        """Return what a worker had in hand, which it has no longer."""
        node, self.in_hand[worker], self.finishing[worker] = self.in_hand[worker], -1, -1
        return node

    def _finish(self, worker: int) -> None:
        node = self._take_from(worker)
        self.free.append(worker)
        self.keeper[node] = worker
        self.kept[worker].add(node)
        for child in self.tree.children[node]:
            self.kept[self.keeper[child]].remove(child)
            self.keeper[child] = -1
        parent = self.tree.parents[node]
        if parent >= 0:
            self.missing[parent] -= 1
            if self.missing[parent] == 0:
                self._offer(parent)

    def _lose(self, now: float, worker: int) -> None:
        """Let a worker go; what it kept or had in hand is done again."""
        self.n_lost += 1
        node, kept = self._take_from(worker), sorted(self.kept[worker])
        if node < 0:
            self.free.remove(worker)
        self._at(now + self.cluster.away_seconds, "return", worker)
        self.kept[worker] = set()
        for lost in kept:
            self.keeper[lost] = -1
            parent = self.tree.parents[lost]
            self._stop(parent)
            self.missing[parent] += 1
            self._make_again(lost)
        if node >= 0 and self.missing[node] == 0:
            self._offer(node)

    def _stop(self, node: int) -> None:
        """Let nobody add up a node, of which a sum was lost."""
        self.waiting.discard(node)
        if node in self.in_hand:
            worker = self.in_hand.index(node)
            self._take_from(worker)
            self.free.append(worker)

    def _make_again(self, node: int) -> None:
        """Do a node again, whose sums were given away when it was done."""
        self.missing[node] = len(self.tree.children[node])
        if self.missing[node] == 0:
            self._offer(node)
        for child in self.tree.children[node]:
            self._make_again(child)


def completion_times(
    tree: Tree, cluster: Cluster, mean: float, n_runs: int = 20
) -> tuple[NDArray, NDArray, float]:
    """Return the times of passes, what they could not fall below, and the losses of a pass.

    Parameters
    ----------
    tree : Tree
        The tree.
    cluster : Cluster
        The workers.
    mean : float
        Mean time that a part of the data takes.
    n_runs : int
        Number of passes.
    """
    times, least, n_lost = [], [], 0
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        seconds = cluster.leaf_seconds(tree.n_leaves, mean, rng)
        simulation = Simulation(tree, cluster, seconds, rng)
        times.append(simulation.run())
        least.append(least_time(tree, cluster, seconds))
        n_lost += simulation.n_lost
    return np.array(times), np.array(least), n_lost / n_runs


# A pass over 10^12 time steps: sums of 1,000 lags, at 100 ns a time step and 1 Gbit/s.
N_WORKERS, ALL_SECONDS = 1_000, 100_000.0
ADD_SECONDS = 8e6 / 125e6 + 0.006
TREES = Tree(10_000, 2), Tree(10_000, 8), Tree(40_000, 2)
HEALTHY = Cluster(N_WORKERS, ADD_SECONDS)
CASES = {
    "all alike": HEALTHY,
    "parts differ by 30 %": replace(HEALTHY, spread=0.3),
    "1 % of workers 5 times slower": replace(HEALTHY, slow_share=0.01, slow_factor=5.0),
    "a worker lost every 100 hours": replace(HEALTHY, losses=0.01),
    "every 10 hours": replace(HEALTHY, losses=0.1),
    "every hour": replace(HEALTHY, losses=1.0),
    "all of this, every hour": replace(
        HEALTHY, spread=0.3, slow_share=0.01, slow_factor=5.0, losses=1.0
    ),
}


def run() -> None:
    """Print how long passes take, beside what no schedule can fall below."""
    rows = []
    for tree in TREES:
        mean = ALL_SECONDS / tree.n_leaves
        for name, cluster in CASES.items():
            times, least, n_lost = completion_times(tree, cluster, mean)
            median, late = np.quantile(times, [0.5, 0.95])
            cells = f"{n_lost:.1f}", f"{median:.0f} s", f"{late:.0f} s"
            label = f"{tree.n_leaves:,} parts of {mean:g} s, arity {tree.arity}: {name}"
            rows.append((label, *cells, f"{np.median(times / least):.2f}"))
    show(
        f"tree_of_sums: {N_WORKERS:,} workers, {ADD_SECONDS:.3f} s to receive and add a sum",
        ("", "lost", "median", "95 %", "in the least"),
        rows,
    )
