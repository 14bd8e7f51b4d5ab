"""Other people's methods for the same repair, behind one interface: `RIVALS` names them, `answer` runs one.

A rival is given training rows, the ordinary model and the goal, and answers with a rule that decides on any rows. The
weight-based ones work before training, as ours do; Fairlearn's change the training, the thresholds or the features.
"""

from iffair_core.rivals.registry import ALL, FAIRLEARN, RIVALS, WEIGHTS, answer, rival_names

__all__ = ["ALL", "FAIRLEARN", "RIVALS", "WEIGHTS", "answer", "rival_names"]
