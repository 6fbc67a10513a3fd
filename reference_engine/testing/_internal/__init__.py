"""What test suites written for torch import from here: a TestCase that compares tensors, and ways to make many tests
of one. Nothing else of this package uses it."""
