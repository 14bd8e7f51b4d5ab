"""pyDVL's side of `benchmarks.pydvl`, run by the Python of its own environment: torch and pyDVL, nothing of ours.

python pydvl_scores.py PROBLEM.npz ANSWER.npz

PROBLEM holds the training rows X, y, the evaluation rows X_eval, y_eval, the fitted theta = [coef, intercept], C, the
batch size of the pass for the Hessian and how many times to run. ANSWER gets the scores (n,) and the seconds of every
run: of the Hessian with its factors, and of the scores of all rows.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from pydvl.influence.torch import DirectInfluence
from torch.utils.data import DataLoader, TensorDataset


class Logit(torch.nn.Module):
    """x coef + intercept, and beside it the penalty of a row: the n-th part of ours while `penalty` is above 0."""

    def __init__(self, theta: np.ndarray) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(theta.size - 1, 1).double()
        self.penalty = 0.0
        with torch.no_grad():
            self.linear.weight[:] = torch.tensor(theta[None, :-1])
            self.linear.bias[:] = torch.tensor(theta[-1:])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.linear(x)
        squared = self.penalty / 2 * (self.linear.weight**2).sum()
        return torch.cat([z, squared.expand_as(z)], dim=-1)


def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean log loss plus the penalty."""
    z, penalty = output[..., 0], output[..., 1]
    return torch.nn.functional.binary_cross_entropy_with_logits(z, target[..., 0]) + penalty.mean()


def main(problem: str, answer: str) -> None:
    given = np.load(problem)
    X, y, X_eval, y_eval = (torch.tensor(given[name]) for name in ("X", "y", "X_eval", "y_eval"))
    model = Logit(given["theta"])
    fitting, scoring = [], []
    for _ in range(int(given["runs"])):
        # The penalty belongs to the Hessian of the objective, and to no row's own gradient.
        model.penalty = 1.0 / (float(given["C"]) * len(X))
        influence = DirectInfluence(model, loss)
        started = time.perf_counter()
        influence.fit(DataLoader(TensorDataset(X, y[:, None]), batch_size=int(given["batch"])))
        fitted = time.perf_counter()
        model.penalty = 0.0
        directions = influence.influence_factors(X_eval, y_eval[:, None]).mean(dim=0, keepdim=True)
        scores = influence.influences_from_factors(directions, X, y[:, None])
        fitting.append(fitted - started)
        scoring.append(time.perf_counter() - fitted)
    found = {"pyDVL": version("pyDVL"), "torch": version("torch"), "numpy": np.__version__}
    np.savez(answer, scores=scores.detach().numpy()[0], fitting=fitting, scoring=scoring, versions=json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
