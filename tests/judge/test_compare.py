"""Which differences count, and how they are told."""

from __future__ import annotations

import struct
from typing import Any

import ml_dtypes
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conformance.execute.trace import Call, Glimpse, Number, StepTrace, TensorState, Trace
from conformance.judge.compare import compare, differences, note
from conformance.judge.numbers import MAX_ULP, mismatch, show
from conformance.program.steps import Apply, Backward, Grad, Make, Program, Read, Ref
from conformance.subjects.base import Places
from reference_engine import dtypes
from reference_engine.ops import shadow

PROGRAM = Program((Make("x", (1.0,), (2,)), Apply("mul", (Ref("x"), 2), outs=("y",)), Backward(Ref("y"))))


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def state(**changes: Any) -> TensorState:
    plain = TensorState(
        dtype="float32", shape=(2,), stride=(1,), offset=0, value=floats(1, 1), requires_grad=True, is_leaf=True,
        grad_fn=None, output_nr=0, version=0, is_view=False, base=None, storage="x", retains_grad=False,
        is_inference=False, is_conj=False, is_neg=False, device="default", layout="strided", same_as=None, grad=None,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def trace(**last: Any) -> Trace:
    return Trace("any", (StepTrace("ok", tensors={"x": state()}), StepTrace("ok"), StepTrace("ok", **last)))


def test_equal_traces_have_no_difference() -> None:
    assert compare(PROGRAM, trace(tensors={"x": state()}), trace(tensors={"x": state()})) is None


def test_clauses_are_told_and_not_compared() -> None:
    expected = trace(clauses=("a.b",), exception=None, warnings=(("UserWarning", "old"),))
    found = compare(PROGRAM, expected, trace())
    assert found is not None
    assert (found.step, found.step_kind, found.field, found.clauses) == (2, "backward", "warnings", ("a.b",))
    assert (found.expected, found.observed) == ("UserWarning: old", "no warning")


@pytest.mark.parametrize(
    ("expected", "observed", "field", "words"),
    [
        ({"outcome": "raised", "exception": ("TypeError", "no")}, {}, "outcome", ("raised TypeError: no", "ok")),
        (
            {"outcome": "raised", "exception": ("TypeError", "no")},
            {"outcome": "raised", "exception": ("ValueError", "no")},
            "exception",
            ("TypeError: no", "ValueError: no"),
        ),
        (
            {"outcome": "raised", "exception": ("TypeError", "no")},
            {"outcome": "raised", "exception": ("TypeError", "nope")},
            "message",
            ("TypeError: no", "TypeError: nope"),
        ),
        ({"calls": (Call("a", ()), Call("b", ()))}, {"calls": (Call("b", ()),)}, "calls", ("a, b", "b")),
        ({"calls": (Call("a", (1,)),)}, {"calls": (Call("a", (2,)),)}, "calls", ("a[0]: 1", "a[0]: 2")),
        (
            {"result": ("list", 1)},
            {"result": ("list", 1, 2)},
            "result",
            ("result: ('list', 1)", "result: ('list', 1, 2)"),
        ),
        ({"grad_enabled": False}, {}, "grad_enabled", ("False", "True")),
        ({"inference_mode": True}, {}, "inference_mode", ("True", "False")),
    ],
)
def test_a_field_that_differs_is_named(expected: Any, observed: Any, field: str, words: tuple[str, str]) -> None:
    found = compare(PROGRAM, trace(**{"outcome": "ok", **expected}), trace(**{"outcome": "ok", **observed}))
    assert found is not None
    assert (found.field, found.expected, found.observed) == (field, *words)


def trace(outcome: Any = "ok", **last: Any) -> Trace:  # noqa: F811
    return Trace("any", (StepTrace("ok", tensors={"x": state()}), StepTrace("ok"), StepTrace(outcome, **last)))


NESTED = ("value", "grad", "places")


@pytest.mark.parametrize("field", [field for field in TensorState.__struct_fields__ if field not in NESTED])
def test_every_field_of_a_tensor_is_compared(field: str) -> None:
    other = state(**{field: "other"})
    found = compare(PROGRAM, trace(tensors={"x": state()}), trace(tensors={"x": other}))
    assert found is not None
    assert (found.tensor, found.field, found.observed) == ("x", field, "other")


def sparse(**changes: Any) -> Any:
    made = {"nnz": 2, "indices": (INDICES,), "values": np.array([1.0, 2.0], np.float32).tobytes(), "coalesced": False}
    return state(layout="sparse_coo", stride=None, places=Places(**{**made, **changes}))


INDICES = np.array([0, 0]).tobytes()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"nnz": 1}, "nnz", ("2", "1")),
        ({"coalesced": True}, "coalesced", ("False", "True")),
        ({"indices": (np.array([0, 1]).tobytes(),)}, "indices", ("[[0, 0]]", "[[0, 1]]")),
        ({"values": np.array([2.0, 1.0], np.float32).tobytes()}, "values", ("[1., 2.]", "[2., 1.]")),
    ],
)
def test_what_a_sparse_tensor_is_made_of_is_compared(changes: Any, field: str, words: tuple[str, str]) -> None:
    found = compare(PROGRAM, trace(tensors={"x": sparse()}), trace(tensors={"x": sparse(**changes)}))
    assert found is not None
    assert (found.tensor, found.field, found.expected, found.observed) == ("x", field, *words)
    assert compare(PROGRAM, trace(tensors={"x": sparse()}), trace(tensors={"x": sparse()})) is None


def test_a_value_that_cannot_be_read_is_not_compared_but_the_rest_is() -> None:
    assert compare(PROGRAM, trace(tensors={"x": state()}), trace(tensors={"x": state(value=None)})) is None
    found = compare(PROGRAM, trace(tensors={"x": state()}), trace(tensors={"x": state(value=None, stride=(9, 9))}))
    assert found is not None
    assert found.field == "stride"


def test_a_tensor_that_changed_on_one_side_only_is_compared_with_its_last_state() -> None:
    found = compare(PROGRAM, trace(), trace(tensors={"x": state(version=1)}))
    assert found is not None
    assert (found.tensor, found.field, found.expected, found.observed) == ("x", "version", "0", "1")
    assert compare(PROGRAM, trace(), trace(tensors={"x": state()})) is None


def test_gradients_are_compared_within() -> None:
    wanted, seen = state(grad=state(requires_grad=False)), state(grad=state(requires_grad=False, stride=(0,)))
    found = compare(PROGRAM, trace(tensors={"x": wanted}), trace(tensors={"x": seen}))
    assert found is not None
    assert (found.field, found.expected, found.observed) == ("grad.stride", "(1,)", "(0,)")
    found = compare(PROGRAM, trace(tensors={"x": wanted}), trace(tensors={"x": state()}))
    assert found is not None
    assert (found.field, found.expected, found.observed) == ("grad", "[1., 1.]", "None")


def test_values_beyond_the_bound_carry_their_mismatch_and_comparison_goes_on() -> None:
    wanted = state(value=floats(1, 2), grad=state(value=floats(1, 2)))
    seen = state(value=floats(1, 3), grad=state(value=floats(1, 4)))
    found = list(differences(PROGRAM, trace(tensors={"x": wanted}), trace(tensors={"x": seen})))
    assert [each.field for each in found] == ["value", "grad.value"]
    assert found[0].mismatch is not None
    assert found[0].mismatch.index == 1
    assert (found[0].expected, found[0].observed) == ("[1., 2.]", "[1., 3.]")


def test_values_within_the_bound_are_equal_in_results_and_calls_too() -> None:
    near = np.nextafter(np.float32(1), np.float32(2), dtype=np.float32).tobytes()
    far = floats(1.5)
    for held in (
        lambda value: Number("float32", (1,), value),
        lambda value: Glimpse(None, "float32", (1,), (1,), value, False, None),
    ):
        one, close, other = held(floats(1)), held(near), held(far)
        assert compare(PROGRAM, trace(result=one), trace(result=close)) is None
        assert compare(PROGRAM, trace(calls=(Call("h", (one,)),)), trace(calls=(Call("h", (close,)),))) is None
        for differing in ({"result": other}, {"calls": (Call("h", (other,)),)}):
            key = next(iter(differing))
            same = {"result": one} if key == "result" else {"calls": (Call("h", (one,)),)}
            found = compare(PROGRAM, trace(**same), trace(**differing))
            assert found is not None
            assert found.field == key
            assert found.mismatch is not None


def test_what_empty_leaves_in_memory_is_not_compared() -> None:
    program = Program((Apply("empty", (2,), outs=("x",)),))
    sides = [Trace("any", (StepTrace("ok", tensors={"x": state(value=floats(*v))}),)) for v in ((1, 2), (3, 4))]
    assert compare(program, *sides) is None
    assert compare(Program((Apply("zeros", (2,), outs=("x",)),)), *sides) is not None


def test_words_are_compared_where_the_numbers_are_the_same() -> None:
    program = Program((Make("x", (1.0,), (2,)), Read("x", "repr")))

    def side(value: bytes, words: str) -> Trace:
        return Trace("any", (StepTrace("ok", tensors={"x": state(value=value)}), StepTrace("ok", result=words)))

    near = floats(1, np.nextafter(np.float32(1), np.float32(2)))
    one = side(floats(1, 1), "[1.00000, 1.00000]")
    assert compare(program, one, side(near, "[1.00000, 1.00001]")) is None
    found = compare(program, one, side(floats(1, 1), "[1, 1]"))
    assert found is not None
    assert found.field == "result"


def test_what_a_refused_op_leaves_in_its_out_is_not_compared() -> None:
    def sides(outcome: Any) -> list[Trace]:
        values = (floats(1, 2), floats(3, 4))
        return [Trace("any", (StepTrace(outcome, tensors={"x": state(value=v)}),)) for v in values]

    refused = Program((Apply("cat", (Ref("y"),), (("out", Ref("x")),), form="out"),))
    assert compare(refused, *sides("raised")) is None
    assert compare(refused, *sides("ok")) is not None
    assert compare(Program((Apply("cat", (Ref("y"),)),)), *sides("raised")) is not None


def test_a_gradients_version_counts_from_its_birth() -> None:
    program = Program((Grad(("g",), Ref("y"), Ref("x")), Apply("zero", (Ref("g"),), form="inplace")))

    def side(*versions: int | None) -> Trace:
        return Trace("any", tuple(StepTrace("ok", tensors={"g": state(version=version)}) for version in versions))

    assert compare(program, side(0, 1), side(2, 3)) is None
    found = compare(program, side(0, 1), side(2, 2))
    assert found is not None
    assert (found.step, found.field) == (1, "version")
    found = compare(program, side(0, None), side(2, 2))
    assert found is not None
    assert (found.expected, found.observed) == ("None", "2")


def test_a_note_asks_for_what_differs() -> None:
    found = compare(
        PROGRAM, trace(tensors={"x": state(grad=state())}), trace(tensors={"x": state(grad=state(is_conj=True))})
    )
    assert found is not None
    assert note(found).show == "x.grad.is_conj()"
    assert note(found).comments == ("expected False", "observed True")


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_bound_is_four_units_in_the_last_place(dtype: str) -> None:
    kind: Any = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    bits = {2: np.int16, 4: np.int32, 8: np.int64}[np.dtype(kind).itemsize]
    for start in (1.0, -3.0, 1e-6):
        one = np.array([start], kind)
        inside, outside = (one.view(bits) + bits(step) for step in (MAX_ULP, MAX_ULP + 1))
        assert mismatch(dtype, (1,), one.tobytes(), inside.tobytes()) is None
        found = mismatch(dtype, (1,), one.tobytes(), outside.tobytes())
        assert found is not None
        assert (found.kind, found.ulps) == ("magnitude", MAX_ULP + 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (np.inf, -np.inf),
        (np.inf, np.finfo(np.float32).max),
        (np.nan, 1.0),
        (1.0, np.nan),
        (np.nan, np.inf),
    ],
)
def test_special_values_are_compared_strictly(one: float, other: float) -> None:
    found = mismatch("float32", (2,), floats(1, one), floats(1, other))
    assert found is not None
    kind = "zero_sign" if one == other else "special"
    assert (found.kind, found.index) == (kind, 1)
    parts = mismatch("complex64", (1,), floats(1, one), floats(1, other))
    assert parts is not None
    assert parts.kind == kind


def test_nan_equals_nan_whatever_its_bits() -> None:
    assert mismatch("float32", (1,), b"\x00\x00\xc0\x7f", b"\x01\x00\xc0\xff") is None


def test_integers_and_booleans_are_equal_or_not() -> None:
    found = mismatch("int64", (2,), struct.pack("<qq", 1, 2), struct.pack("<qq", 1, 3))
    assert found is not None
    assert (found.kind, found.index) == ("exact", 1)
    assert mismatch("bool", (2,), b"\x00\x01", b"\x00\x00") is not None


def test_a_complex_number_is_measured_by_its_larger_part() -> None:
    assert mismatch("complex64", (), floats(1.0, 1e-8), floats(1.0, 3e-8)) is None
    assert mismatch("complex64", (), floats(1e-8, 1e-8), floats(1e-8, 3e-8)) is not None


@given(hnp.arrays(np.float32, 5, elements=st.floats(width=32)), hnp.arrays(np.float32, 5, elements=st.floats(width=32)))
def test_the_comparison_is_symmetric_and_reflexive(one: Any, other: Any) -> None:
    assert mismatch("float32", (5,), one.tobytes(), one.tobytes()) is None
    there, back = (mismatch("float32", (5,), a.tobytes(), b.tobytes()) for a, b in ((one, other), (other, one)))
    assert (there is None) == (back is None)


def test_values_show_the_digits_that_tell_them_apart() -> None:
    assert show("float32", (1,), np.nextafter(np.float32(1), np.float32(2)).tobytes()) == "[1.0000001]"
    assert show("bfloat16", (), bytes.fromhex("c03f")) == "1.5"
    assert show("float32", (2, 2), None) == "no value"


@pytest.mark.parametrize(
    ("terms", "rounded"), [((1.0, -1.0, 2.0), False), ((0.5, 0.25, 3e6), False), ((-1.5, 0.38138, 1.168), True)]
)
def test_a_sum_of_small_multiples_of_a_power_of_two_is_exact_in_any_order(
    terms: tuple[float, ...], rounded: bool
) -> None:
    assert shadow.sum_is_rounded(np.array(terms, np.float32), dtypes.float32) is rounded
