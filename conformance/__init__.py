"""Checks a torch against the executable specification of autograd: draw programs, run, compare, report."""

__version__ = "0.1.0"
