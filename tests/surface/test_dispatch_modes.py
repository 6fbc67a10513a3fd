"""Operators below the public functions: recorded schemas, and no cost where nobody watches."""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import version

import pytest
from record_schemas import SCHEMAS, lines
from record_scripts import GOLDENS, HERE, outputs

import reference_engine as engine
from reference_engine.dispatcher import pairing, watching
from reference_engine.dispatcher.schema import FunctionSchema, parse_schema
from reference_engine.ops.declare import OPS
from reference_engine.utils._mode_utils import no_dispatch
from reference_engine.utils._python_dispatch import TorchDispatchMode
from specs import aten


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or not version("torch").startswith("2.13"), reason="another torch"
)
def test_schemas_are_those_of_torch() -> None:
    assert SCHEMAS.read_text().splitlines() == lines()


def test_every_schema_is_read_and_written_back() -> None:
    for overloads in aten.overloads().values():
        for line in overloads:
            assert str(FunctionSchema(line.schema)) == line.schema
    with pytest.raises(RuntimeError):
        parse_schema("no schema")


def test_an_operator_stands_for_the_op_that_stands_for_it() -> None:
    """There and back: from an op to an overload, and from that to an op of the same results."""
    checked = 0
    for ops in OPS.values():
        for op in ops:
            for name, _ in pairing.names_of(op, False):
                for line in aten.overloads().get(name, ()):
                    if pairing.pairing(op, line.schema) is not None:
                        assert any(found is op for found, _ in pairing.ops_by_operator()[name])
                        checked += 1
    assert checked > 500


WATCHED = (
    "attention", "complex_numbers", "convolutional_network", "every_layer", "functional_api", "in_place_and_versions",
    "losses", "random_streams", "recurrent_networks", "tensors_views_and_memory", "transforms_jacobians",
    "transforms_vmap",
)  # fmt: skip


def test_a_mode_that_changes_nothing_changes_nothing() -> None:
    """Every op goes to its operator and back, and the scripts print what they print without."""
    document = json.loads(GOLDENS.read_text())
    paths = [HERE / "scripts" / f"{name}.py" for name in WATCHED]
    found = outputs(f"reference_engine@{document['torch']}:twister:watched", paths)
    assert found == {name: document["outputs"][name] for name in WATCHED}


def test_a_mode_is_off_where_dispatch_is() -> None:
    class Refuse(TorchDispatchMode):
        def __torch_dispatch__(self, func: object, types: object, args: object = (), kwargs: object = None) -> object:
            raise AssertionError(func)

    with Refuse(), no_dispatch():
        assert engine.ones(1).item() == 1.0
    with Refuse(), pytest.raises(AssertionError, match=r"aten\.ones\.default"):
        engine.ones(1)
    assert watching.state.stack == ()


def test_shapes_of_outputs_and_gradients() -> None:
    x = engine.ones(2, 3, requires_grad=True)
    edge = engine.autograd.graph.get_gradient_edge(x)
    for output in (x, edge):
        assert engine.autograd._calculate_shape(output, engine.ones(4, 3), False) == ((2, 3), (4, 3))
    assert engine.autograd._calculate_shape(x, engine.ones(5, 4, 3), True) == ((2, 3), (4, 3))
    with pytest.raises(RuntimeError, match="not supported with GradientEdge"):
        engine.autograd._calculate_shape(edge, engine.ones(5, 4, 3), True)
