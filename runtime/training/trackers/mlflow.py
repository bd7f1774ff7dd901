"""MLflow, by its own library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import mlflow

from dlc.runtime.training.run_folder import RESOLVED, RunFolder
from dlc.runtime.training.trackers.base import Tracker, settings_of

# MLflow refuses longer ones.
_LONGEST = 500


class MlFlow(Tracker):
    """Logs to the server that `MLFLOW_TRACKING_URI` names, into the experiment of
    `MLFLOW_EXPERIMENT_NAME`; without them where MLflow itself would."""

    name: ClassVar[str] = "mlflow"

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        known = before.get("run_id")
        name = None if known else f"{run.record['name']} {run.path.name}"
        found = mlflow.start_run(run_id=known, run_name=name)
        if not known:
            mlflow.log_params({key: text[:_LONGEST] for key, text in settings_of(run).items()})
            mlflow.log_text(run.spec(), run.record["spec"])
            mlflow.log_text(run.resolved(), RESOLVED)
        return {"run_id": found.info.run_id, "uri": mlflow.get_tracking_uri()}

    def log(self, figures: Mapping[str, float], step: int) -> None:
        mlflow.log_metrics(dict(figures), step=step)

    def end(self, *, finished: bool) -> None:
        mlflow.end_run("FINISHED" if finished else "KILLED")
