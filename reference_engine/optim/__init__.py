"""``torch.optim``: optimizers and learning rate schedules."""

from __future__ import annotations

from reference_engine.optim import lr_scheduler
from reference_engine.optim.adam import Adam, Adamax, AdamW
from reference_engine.optim.adaptive import Adadelta, Adagrad, RMSprop
from reference_engine.optim.lbfgs import LBFGS
from reference_engine.optim.optimizer import Optimizer
from reference_engine.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]
