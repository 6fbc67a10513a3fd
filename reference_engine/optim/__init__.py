"""``torch.optim``: optimizers and learning rate schedules."""

from __future__ import annotations

from reference_engine.optim import lr_scheduler, swa_utils
from reference_engine.optim.adam import Adam, Adamax, AdamW
from reference_engine.optim.adaptive import Adadelta, Adagrad, RMSprop
from reference_engine.optim.averaged import ASGD, Adafactor, Rprop
from reference_engine.optim.lbfgs import LBFGS
from reference_engine.optim.momentum import NAdam, RAdam
from reference_engine.optim.muon import Muon
from reference_engine.optim.optimizer import Optimizer
from reference_engine.optim.sgd import SGD
from reference_engine.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]
