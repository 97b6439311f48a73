r"""Where powers of the width stand: in equations, initialisations and rates of linear RNNs.

A parametrisation is a choice of three exponents for each group of parameters (Yang and Hu 2021): a
parameter has the factor ``n^{-a}`` in the equations, the initial deviation ``n^{-b} sqrt(nu)`` and
the learning rate ``n^{-c} eta``. All of these have the same tangent kernel at initialisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

ParametrizationName = Literal["ntk", "standard", "mup"]


class Factors(NamedTuple):
    """Factors in the equations of a network of one layer or more.

    ``h^l_t = keep h^l_{t-1} + transition (W_l h^l_{t-1} + U_l h^{l-1}_t)``, where the first layer
    has the input ``input F x_t``, and ``y_t = readout C h_t``.

    Attributes
    ----------
    keep : float
        What is left of a state by itself.
    transition, input, readout : float
        Factors of the matrices.
    """

    keep: float
    transition: float
    input: float
    readout: float

    def shares(self, n_hidden: int) -> Shares:
        """Return the factors of the mean products of `LagProducts` in the tangent kernel."""
        ends = (self.input * self.readout) ** 2 * n_hidden
        inner = ends * self.transition**2 * n_hidden
        return Shares(inner, ends, ends, inner)


class Shares(NamedTuple):
    """Factors of the parts of a tangent kernel, in the order of the parameters."""

    transition: float = 1.0
    input: float = 1.0
    readout: float = 1.0
    coupling: float = 1.0

    def times(self, rates: tuple[float, float, float]) -> Shares:
        """Return the factors with the learning rates of transitions, inputs and readout.

        Those of the input matrices are of all layers: of ``F`` and of the couplings.
        """
        of_transition, of_input, of_readout = rates
        return Shares(
            self.transition * of_transition,
            self.input * of_input,
            self.readout * of_readout,
            self.coupling * of_input,
        )


EQUAL_SHARES = Shares()


@dataclass(frozen=True)
class Parametrization:
    """The exponents of ``1/n`` of the transitions and couplings, the input matrix, the readout.

    Attributes
    ----------
    factors : tuple of float
        Of the factors in the equations, ``a``.
    deviations : tuple of float
        Of the deviations at initialisation, ``b``.
    adam_rates : tuple of float
        Of the learning rates of "adam", ``c``; those of "gd" have none.
    """

    factors: tuple[float, float, float]
    deviations: tuple[float, float, float]
    adam_rates: tuple[float, float, float]

    def equations(self, n_hidden: int, leak: float = 1.0) -> Factors:
        """Return the factors in the equations of a network of this width."""
        transition, inputs, readout = (n_hidden**-power for power in self.factors)
        return Factors(1.0 - leak, leak * transition, leak * inputs, readout)

    def initial_scales(self, n_hidden: int) -> list[float]:
        """Return the scales of the parameters, in their order, beside those of "ntk"."""
        transition, inputs, readout = (n_hidden**-power for power in self.deviations)
        return [transition, inputs, readout, transition]

    def adam_scales(self, n_hidden: int) -> list[float]:
        """Return the scales of Adam's learning rates of the parameters, in their order."""
        transition, inputs, readout = (n_hidden**-power for power in self.adam_rates)
        return [transition, inputs, readout, transition]


NTK = Parametrization((0.5, 0.0, 0.5), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
PARAMETRIZATIONS: dict[str, Parametrization] = {
    "ntk": NTK,
    "standard": Parametrization((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0)),
    "mup": Parametrization((0.0, -0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.5, 0.5)),
}
