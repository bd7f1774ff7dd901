"""The script that trains a spec on the nodes of a SLURM cluster.

One `torchrun` a node, started by `srun`. Before its time is over, or when it is preempted,
the job gets SIGUSR1: the ranks save, and the job is queued again, to go on where it was.

Source: sbatch(1), srun(1), scontrol(1) of SLURM 23.11; torchrun of PyTorch 2.10.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

# Seconds before the end of its time in which a job must save.
_NOTICE = 120
_PORT = 29500

_SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
{gpus}#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={name}-%j.log
#SBATCH --signal=B:USR1@{notice}
set -u

run={run}
if [ -e "$run/run.json" ]; then
  words=({resume})
else
  words=({start})
fi

# A restarted rank must not call at the addresses of the dead (torch 2.14).
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
# How long ranks have to save.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT={patience}
export OMP_NUM_THREADS=${{OMP_NUM_THREADS:-$(( ${{SLURM_CPUS_ON_NODE:-{ranks}}} / {ranks} ))}}

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun \\
  --nnodes={nodes} --nproc-per-node={ranks} --max-restarts={restarts} \\
  --rdzv-backend=c10d --rdzv-endpoint="$first:{port}" --rdzv-conf=timeout={meeting} \\
  --rdzv-id="$SLURM_JOB_ID-${{SLURM_RESTART_COUNT:-0}}" \\
  --module -- dlc.compiler.cli.main train "${{words[@]}}" &
step=$!

again=no
stop() {{
  again=yes
  kill -TERM "$step"
}}
trap stop USR1 TERM

wait "$step"
status=$?
# A signal interrupts the wait, not the ranks.
while kill -0 "$step" 2>/dev/null; do
  wait "$step"
  status=$?
done
if [ "$again" = yes ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
"""


def script(
    start: Sequence[str],
    resume: Sequence[str],
    *,
    run: Path,
    nodes: int,
    ranks: int,
    gpus: bool,
    timeout: float,
    restarts: int,
) -> str:
    """The text of the script. `start` and `resume` are the words after `dlc train` of a new
    run and of one that goes on; each of the `nodes` has so many `ranks`."""
    return _SCRIPT.format(
        name=_plain(run.name),
        nodes=nodes,
        ranks=ranks,
        gpus=f"#SBATCH --gpus-per-node={ranks}\n" if gpus else f"#SBATCH --cpus-per-task={ranks}\n",
        notice=_NOTICE,
        patience=_NOTICE - 20,
        run=shlex.quote(str(run)),
        start=shlex.join(start),
        resume=shlex.join(resume),
        restarts=restarts,
        port=_PORT,
        meeting=int(max(900, 2 * timeout)),
    )


def _plain(name: str) -> str:
    """A name of a job, which stands in a comment that SLURM reads: no spaces, no signs."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name) or "dlc"
