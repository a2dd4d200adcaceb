"""Training: the loop, early stopping, checkpoints, devices, optimizers."""

from mtl.training.fit import Epoch, Fitted, fit

__all__ = ["Epoch", "Fitted", "fit"]
