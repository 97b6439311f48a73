r"""The evidence of some channels, given the priors of the others.

With the others' response integrated out, the sums of a group of channels are what that leaves of
them: for the coordinates ``o`` of the others, ``V = L^T (G, B)`` and their inverse ``A_o^{-1}``,

    (G, B)_g - V_{og}^T A_o^{-1} V_{o.},
    A_o^{-1} = A^{-1}_{oo} - A^{-1}_{og} (A^{-1}_{gg})^{-1} A^{-1}_{go},

so that one inverse of all serves every group (Tipping and Faul 2003, of groups of coefficients).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.evidence import Evidence, EvidenceSums
from sklearn_linrnn._core.closed_form.evidence_curvature import inverse_of


@dataclass(frozen=True, eq=False)
class ChannelsAlone:
    """What the sums of some channels are without what the others explain. Make it with `of`.

    Attributes
    ----------
    sums : EvidenceSums
        The sums of all lags and channels.
    both : ndarray of shape (p + n_outputs, p + n_outputs)
        Sums of squares and products of inputs and targets about the point of the loss.
    pulled : ndarray of shape (k, p + n_outputs)
        ``V``, of the lags that the priors use.
    inverse : ndarray of shape (k, k)
        ``A^{-1}``, the penalty included.
    """

    sums: EvidenceSums
    both: NDArray
    pulled: NDArray
    inverse: NDArray

    @classmethod
    def of(cls, sums: EvidenceSums, found: Evidence) -> ChannelsAlone:
        """Return those of the evidence of a root for each channel."""
        row, goal = sums.row[:, None], sums.goal[:, None]
        scatter, cross = sums.scatter + row @ row.T, sums.cross + row @ goal.T
        targets = np.diag(sums.spread) + goal @ goal.T
        both = np.block([[scatter, cross], [cross.T, targets]])
        n_used = len(found.weighted.matrix)
        return cls(sums, both, found.weighted.pull(both[:n_used]), inverse_of(found))

    def sums_of(self, channels: NDArray) -> EvidenceSums:
        """Return the sums of some channels."""
        n_all, n_channels = len(self.sums.scatter), self.sums.n_channels
        own = (np.arange(0, n_all, n_channels)[:, None] + channels).ravel()
        kept = np.append(own, np.arange(n_all, len(self.both)))
        used = own[own < len(self.pulled)]
        others = self.pulled[:, kept]
        others[used] = 0.0
        solved = self.inverse @ others
        explained = others.T @ solved
        between = solved[used]
        explained -= between.T @ np.linalg.solve(self.inverse[np.ix_(used, used)], between)
        left = self.both[np.ix_(kept, kept)] - explained
        n_own = len(own)
        return replace(
            self.sums,
            scatter=left[:n_own, :n_own],
            cross=left[:n_own, n_own:],
            spread=left.diagonal()[n_own:].clip(min=0.0),
            row=np.zeros(n_own),
            goal=np.zeros(len(left) - n_own),
            n_channels=len(channels),
        )
