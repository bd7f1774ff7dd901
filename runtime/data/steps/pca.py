"""Principal components."""

from __future__ import annotations

from dlc.compiler.components.preprocessing.pca import Pca
from dlc.runtime.data.steps._projection import Projection


class PcaStep(Projection[Pca]):
    """Fitted and applied as every projection; nothing is scaled."""
