"""pyDVL's direct influence beside ours: the same logistic problem, the same scores, and how long each takes.

python -m benchmarks.pydvl [--rows 20000] [--features 20] [--runs 3]

pyDVL and torch live in an environment of their own, benchmarks/.venv-pydvl, made by the first run. What is scored is
the influence of every training row on the mean log loss of a fifth as many evaluation rows. pyDVL takes its quickest
public way there: the Hessian by `DirectInfluence.fit` in the better of two batch sizes, one factor averaged over the
evaluation rows, and its product with every training row's gradient. Its loss carries our penalty, intercept left out,
while the Hessian is taken. Ours counts Hessian, factorization and scores, from the fitted model. Where pyDVL cannot be
installed the JSON holds the error, and nothing is compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import print_table, print_targets, timed, write
from iffair_core.influence import influence_scores
from iffair_core.models import LogisticModel
from iffair_core.quantities import fairness_quantities

FOLDER = Path(__file__).parent
ENVIRONMENT = FOLDER / ".venv-pydvl"
REQUIREMENTS = ("torch==2.13.*", "pyDVL[influence]==0.10.*")
SLOWER, ALIKE = 40.0, 0.999999
BATCHES = (1_000, 10_000)


def installed() -> str | None:
    """The error that keeps pyDVL from being installed; None once its environment is there."""
    python, done = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".installed"
    if done.exists() and done.read_text() == " ".join(REQUIREMENTS):
        return None
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return (getattr(error, "stderr", None) or str(error)).strip()[-2000:]
    done.write_text(" ".join(REQUIREMENTS))
    return None


def compared(n: int, p: int, runs: int, seed: int = 0) -> dict[str, Any]:
    """Seconds of both, their ratio and the correlation of the scores, at n rows and p features."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n + n // 5, p))
    group = rng.integers(0, 2, n + n // 5)
    y = (rng.random(group.size) < 1 / (1 + np.exp(-X[:, :5].sum(axis=1) - 0.5 * group))).astype(float)
    model = LogisticModel().fit(X[:n], y[:n])
    quantities = fairness_quantities(X[n:], y[n:], group[n:])
    loss_alone = quantities.without([gap.name for gap in quantities.gaps])

    def ours(what: Any) -> np.ndarray:
        fresh = LogisticModel()
        fresh.__dict__.update(model.__dict__, _factor=None)
        return influence_scores(fresh, what)

    times = timed({"one quantity": lambda: ours(loss_alone), "five quantities": lambda: ours(quantities)}, max(runs, 5))
    given = {"X": X[:n], "y": y[:n], "X_eval": X[n:], "y_eval": y[n:], "theta": model.theta_, "C": model.C}
    answers = {batch: _theirs(given | {"batch": batch, "runs": runs}) for batch in BATCHES}
    totals = {batch: float(np.min(one["fitting"] + one["scoring"])) for batch, one in answers.items()}
    batch = min(totals, key=lambda one: totals[one])
    theirs = answers[batch]
    seconds = {name: time.best for name, time in times.items()}
    scores = ours(loss_alone)[:, 0]
    return {
        "rows": n,
        "features": p,
        "pydvl_batch": batch,
        "pydvl_seconds": totals[batch],
        "pydvl_seconds_hessian": float(np.min(theirs["fitting"])),
        "ours_seconds": seconds["one quantity"],
        "ours_seconds_five_quantities": seconds["five quantities"],
        "times_slower": totals[batch] / seconds["one quantity"],
        "times_slower_than_our_five": totals[batch] / seconds["five quantities"],
        "pearson": abs(float(np.corrcoef(scores, theirs["scores"])[0, 1])),
        "scale": float(scores @ theirs["scores"] / (theirs["scores"] @ theirs["scores"]) * n),
        "versions": json.loads(str(theirs["versions"])),
    }


def _theirs(problem: dict[str, Any]) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "problem.npz", Path(folder) / "answer.npz"
        np.savez(given, **problem)
        # -P: the folder of the script holds a module of the same name as the package.
        script = [
            str(ENVIRONMENT / "bin" / "python"),
            "-P",
            "-W",
            "ignore::FutureWarning",
            str(FOLDER / "pydvl_scores.py"),
        ]
        subprocess.run([*script, str(given), str(answer)], check=True)
        with np.load(answer) as found:
            return dict(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000])
    parser.add_argument("--features", type=int, nargs="+", default=[20])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    error = installed()
    if error is not None:
        print(f"pyDVL could not be installed; nothing is compared.\n{error}", file=sys.stderr)
        print(write("pydvl", {"requirements": REQUIREMENTS, "error": error}))
        return 0
    found = [compared(n, p, options.runs) for p in options.features for n in options.rows]
    print_table([{name: value for name, value in one.items() if name != "versions"} for one in found])
    print_targets(
        {f"times slower at {one['rows']:,} x {one['features']}": (one["times_slower"], SLOWER) for one in found}
        | {f"Pearson at {one['rows']:,} x {one['features']}": (one["pearson"], ALIKE) for one in found},
        at_least=True,
    )
    print(write("pydvl", {"requirements": REQUIREMENTS, "sizes": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
