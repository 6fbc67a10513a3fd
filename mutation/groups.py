"""What is mutated: groups of modules and of message areas, and what of our own tests looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent


class Group(msgspec.Struct, frozen=True):
    """Modules that belong together.

    Attributes:
        modules: files below the root of the repository.
        areas: the areas of ``specs/messages`` whose words these modules say.
        tests: our own tests of them, beside the suite; formulas of derivatives are not the business of these modules.
        scripts: names in ``tests/surface/scripts``.
    """

    name: str
    about: str
    modules: tuple[str, ...]
    areas: tuple[str, ...]
    tests: tuple[str, ...]
    scripts: tuple[str, ...]


def together(groups: Sequence[Group]) -> Group:
    """Several groups as one."""
    merged = {
        field: tuple(dict.fromkeys(each for group in groups for each in getattr(group, field)))
        for field in ("modules", "areas", "tests", "scripts")
    }
    return Group("+".join(group.name for group in groups), "", **merged)


def _engine(*names: str) -> tuple[str, ...]:
    return tuple(f"reference_engine/{name}.py" for name in names)


_TESTS = (
    "tests/reference_engine/autograd", "tests/reference_engine/views",
    "tests/specs/test_words_that_no_example_says.py", "tests/reference_engine/test_expressions_as_torch.py",
    "tests/reference_engine/test_as_each_version_has_it.py",
)  # fmt: skip
NUMBERS = ("tests/reference_engine/autograd/test_second_derivatives.py",)  # a minute of formulas

GROUPS = {
    group.name: group
    for group in (
        Group(
            "backward",
            "the arguments of backward and grad, and the engine's loop",
            _engine(
                "autograd/backward", "autograd/engine", "autograd/validate", "autograd/accumulate", "autograd/node",
                "autograd/graph", "autograd/hooks", "autograd/saved",
            ),
            ("backward", "grad", "engine", "accumulate", "hooks", "graph", "saved", "anomaly"),
            _TESTS,
            (
                "accumulating_gradients", "anomalies", "asking_the_engine", "custom_functions", "graph_walk",
                "older_names", "refusals", "retained_graphs", "saved_attributes", "saved_tensor_hooks", "tensor_hooks",
                "threads_and_depth",
            ),
        ),
        Group(
            "views",
            "leaves, views, changes in place, version counters and grad modes",
            _engine(
                "views", "versions", "modes", "storage", "strides", "tensor_base", "attributes", "autograd/leaf",
                "ops/copying", "ops/filling", "ops/metadata_in_place",
            ),
            ("leaf", "view", "inplace", "inference", "mode", "version"),
            (*_TESTS, "tests/reference_engine/ops/test_out_form.py"),
            (
                "function_modes", "grad_modes", "in_place_and_versions", "leaves_and_retained_gradients",
                "pickling_and_saving", "refusals", "tensor_attributes", "tensors_first_steps",
                "tensors_views_and_memory",
            ),
        ),
    )
}  # fmt: skip
