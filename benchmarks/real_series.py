"""Real recordings with an input and an output; they are not part of the project."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDER = Path(os.environ.get("LINRNN_DATA", Path(__file__).parents[2] / "shared" / "data"))
TRAINING_SHARE = 0.7


@dataclass(frozen=True)
class System:
    """A recording: its file, its columns, and the number of lags that the peer gets."""

    file: str
    input_name: str
    output_name: str
    n_lags: int


SYSTEMS = {
    "heat exchanger": System("daisy_heat_exchanger.csv.gz", "u_flow", "y_temp", 120),
    "hair dryer": System("daisy_hair_dryer.csv.gz", "u_voltage", "y_air_temp", 40),
    "gas furnace": System("gas_furnace_boxjenkins.csv.gz", "u_gasrate_ft3min", "y_co2_pct", 20),
    "CD player arm": System("daisy_cd_player_arm.csv.gz", "u1_force", "y1_track", 60),
    "wing flutter": System("daisy_wing_flutter.csv.gz", "u", "y", 60),
    "Silverbox": System("silverbox_snls80mv.csv.gz", "u_v1", "y_v2", 80),
    "Wiener-Hammerstein": System("wiener_hammerstein_2009.csv.gz", "u", "y", 80),
}


@dataclass(frozen=True, eq=False)
class Recording:
    """Input and output, (n_timesteps,) each; ``n_training`` time steps are for training."""

    u: NDArray
    y: NDArray
    n_training: int

    def training(self) -> tuple[NDArray, NDArray]:
        """Return input and output of the training part."""
        return self.u[: self.n_training], self.y[: self.n_training]

    def test_r2(self, simulated: NDArray) -> float:
        """Return R^2 on the test part of an output simulated from the whole input."""
        y, error = self.y[self.n_training :], (self.y - simulated)[self.n_training :]
        return 1.0 - float(error @ error / np.square(y - y.mean()).sum())


def load(system: System) -> Recording | None:
    """Return a recording, centred by the means of its training part; None where it is missing."""
    if not (path := FOLDER / system.file).is_file():
        print(f"left out: set LINRNN_DATA to the folder of real series, with {system.file}")
        return None
    frame = pd.read_csv(path)
    n_training = int(TRAINING_SHARE * len(frame))
    columns = (frame[name].to_numpy() for name in (system.input_name, system.output_name))
    u, y = (column - column[:n_training].mean() for column in columns)
    return Recording(u, y, n_training)
