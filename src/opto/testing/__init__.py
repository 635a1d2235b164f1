"""Contracts for authors of plug-ins: classes of tests to inherit."""

from opto.testing.optimizers import OptimizerContract

__all__ = ["OptimizerContract"]
