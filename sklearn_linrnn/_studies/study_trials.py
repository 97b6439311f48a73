"""All trials of a study: who was trained on which part, and how it did on the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._studies.study_data import StudyData
from sklearn_linrnn._studies.study_design import StudyDesign
from sklearn_linrnn._studies.study_models import (
    STAGES,
    Part,
    Trial,
    train_closed_form,
    train_networks,
    train_scaled_convolution,
)

RNN, LIMIT, SCALED, FLAT = "linear RNN", "infinite width", "scaled convolution", "flat convolution"
NO_BIAS = -1.0  # of the flat convolution, in the place of nu_w


@dataclass
class Trials:
    """The trials of a study, part by part.

    Attributes
    ----------
    data : StudyData
        What is predicted.
    design : StudyDesign
        Parameters of the study.
    seeds : list of int
        Seeds of the networks.
    draw_seed : int
        Seed of all other draws.
    found : dict of (str, float, int) to list of Trial
        By model, ``nu_w`` (or `NO_BIAS`) and number of the seed, the trials on the parts.
    """

    data: StudyData
    design: StudyDesign
    seeds: list[int]
    draw_seed: int
    found: dict[tuple[str, float, int], list[Trial]] = field(default_factory=dict)

    def run(self, part: Part, nu_w: float) -> None:
        """Train the models of one ``nu_w``, or the flat convolution, on a part."""
        max_iter = self.design.max_iter
        if nu_w == NO_BIAS:
            self._add(FLAT, nu_w, 0, train_closed_form(part, max_iter, "flat"))
            return
        limit = train_closed_form(part, max_iter, "linear_rnn", nu_w=nu_w)
        self._add(LIMIT, nu_w, 0, limit)
        self._add(SCALED, nu_w, 0, train_scaled_convolution(part, limit, nu_w))
        parameters = {"n_hidden": self.design.n_hidden, "nu_w": nu_w}
        networks = train_networks(part, max_iter, self.seeds, **parameters)
        for number, network in enumerate(networks):
            self._add(RNN, nu_w, number, network)

    def _add(self, model: str, nu_w: float, number: int, trial: Trial) -> None:
        self.found.setdefault((model, nu_w, number), []).append(trial)

    # -- Results ---------------------------------------------------------------------------

    @property
    def models(self) -> list[tuple[str, float]]:
        """Models and their ``nu_w``, in the order of training."""
        return list(dict.fromkeys((model, nu_w) for model, nu_w, _ in self.found))

    def of(self, model: str, nu_w: float) -> list[list[Trial]]:
        """Return the trials of a model, by seed and part."""
        return [
            trials for (name, own, _), trials in self.found.items() if (name, own) == (model, nu_w)
        ]

    def losses(self, model: str, nu_w: float) -> NDArray:
        """Return the squared errors of a model, (n_timesteps, n_seeds)."""
        by_seed = self.of(model, nu_w)
        return np.stack(
            [np.concatenate([trial.squared_errors for trial in trials]) for trials in by_seed],
            axis=1,
        )

    def free_losses(self, model: str, nu_w: float) -> NDArray:
        """Return those of a model in closed form whose iterations have no upper limit."""
        (trials,) = self.of(model, nu_w)
        return np.concatenate([trial.free_squared_errors for trial in trials])[:, None]

    def null_losses(self) -> dict[str, NDArray]:
        """Return the squared errors of the forecasts without a model, by name."""
        found: dict[str, list[NDArray]] = {}
        for train, test in self.splits:
            for name, errors in self.data.null_errors(train, test).items():
                found.setdefault(name, []).append(errors)
        return {name: np.concatenate(errors) for name, errors in found.items()}

    @property
    def splits(self) -> list[tuple[NDArray, NDArray]]:
        """Windows of the training parts and of the test parts after them."""
        return self.data.parts(self.design.n_splits)

    @property
    def part_of_step(self) -> NDArray:
        """Number of the test part of each time step, (n_timesteps,)."""
        return np.concatenate([np.full(len(test), k) for k, (_, test) in enumerate(self.splits)])

    def chosen(self) -> list[float]:
        """Return the ``nu_w`` with which networks are best on the held-out steps of each part."""
        return [
            min(self.design.nu_w, key=lambda nu_w: self._held_out_error(nu_w, part))
            for part in range(self.design.n_splits)
        ]

    def _held_out_error(self, nu_w: float, part: int) -> float:
        return float(np.mean([trials[part].held_out_error for trials in self.of(RNN, nu_w)]))

    def chosen_losses(self) -> NDArray:
        """Return the squared errors of networks with the chosen ``nu_w``, likewise."""
        parts = self.part_of_step
        by_part = [self.losses(RNN, nu_w)[parts == part] for part, nu_w in enumerate(self.chosen())]
        return np.concatenate(by_part)

    def errors(self) -> pd.DataFrame:
        """Return all squared errors, by part and time step."""
        columns = {}
        for model, nu_w, number in self.found:
            label = np.nan if nu_w == NO_BIAS else nu_w
            columns[model, label, number] = self.losses(model, nu_w)[:, number]
        columns |= {(name, np.nan, 0): losses for name, losses in self.null_losses().items()}
        steps = np.concatenate([test for _, test in self.splits])
        index = pd.MultiIndex.from_arrays(
            [self.part_of_step, self.data.times[steps]], names=["part", "time"]
        )
        names = pd.MultiIndex.from_tuples(columns, names=["model", "nu_w", "seed"])
        return pd.DataFrame(np.stack(list(columns.values()), axis=1), index=index, columns=names)

    def curve(self) -> pd.DataFrame:
        """Return root mean square errors after 1, 2, 4, ... iterations, and the costs by then."""
        n_timesteps = len(self.part_of_step)
        frames, flat = [], self._path(FLAT, NO_BIAS, n_timesteps)
        in_closed_form = [key for key in self.models if key[0] in (LIMIT, FLAT)]
        for model, nu_w in in_closed_form:
            rmse = self._path(model, nu_w, n_timesteps)
            label = np.nan if nu_w == NO_BIAS else nu_w
            with np.errstate(invalid="ignore", divide="ignore"):  # where nothing is to be learned
                cost = rmse / flat - 1.0
            columns = {"model": model, "nu_w": label, "n_iter": STAGES, "rmse": rmse, "cost": cost}
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def _path(self, model: str, nu_w: float, n_timesteps: int) -> NDArray:
        (trials,) = self.of(model, nu_w)
        return np.sqrt(np.sum([trial.path for trial in trials], axis=0) / n_timesteps)
