"""Which names a step reads and makes."""

from __future__ import annotations

from conformance.program.names import defined, renamed, used
from conformance.program.steps import AddHook, Apply, Callback, FunctionLit, Grad, Ref, Seq


def test_names_are_found_at_every_depth() -> None:
    step = Apply("cat", (Seq((Ref("a"), Seq((Ref("b"),)))),), (("out", Ref("c")),), ("d", "e"))
    assert used(step) == {"a", "b", "c"}
    assert defined(step) == {"d", "e"}


def test_a_function_reads_only_what_it_does_not_bind() -> None:
    body = (Apply("mul", (Ref("a"), Ref("outer")), outs=("b",)), Apply("exp", (Ref("b"),), outs=("c",)))
    assert used(FunctionLit(("a",), body, Ref("c"))) == {"outer"}


def test_a_hook_reads_its_targets_and_its_replacement() -> None:
    assert used(AddHook("h", "multi_all", ("x", "y"), Callback("replace", Ref("z")))) == {"x", "y", "z"}


def test_renaming_leaves_what_a_step_makes() -> None:
    step = Grad(("x",), Ref("y"), Seq((Ref("x"),)))
    assert renamed(step, {"x": "w"}) == Grad(("x",), Ref("y"), Seq((Ref("w"),)))
