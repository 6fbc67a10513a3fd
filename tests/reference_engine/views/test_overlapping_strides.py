"""as_strided: gradients go by places in memory."""

import reference_engine as engine


def test_a_place_seen_twice_gets_both_gradients() -> None:
    x = engine.zeros(3, requires_grad=True)
    x.as_strided((2, 2), (1, 1)).backward(engine.tensor([[1.0, 2.0], [4.0, 8.0]]))
    assert x.grad.tolist() == [1.0, 6.0, 8.0]


def test_elements_that_share_a_place_share_its_gradient() -> None:
    x = engine.zeros(1).as_strided((4,), (0,)).requires_grad_()
    (found,) = engine.autograd.grad(x.as_strided((1,), (1,)), x, engine.tensor([8.0]))
    assert found.tolist() == [2.0, 2.0, 2.0, 2.0]


def test_the_gradient_of_a_gradient_is_zero_where_the_base_has_no_element() -> None:
    x = engine.zeros(3).as_strided((2,), (0,)).requires_grad_()
    c = engine.ones(3, requires_grad=True)
    (found,) = engine.autograd.grad(x.as_strided((3,), (1,), 0), x, c, create_graph=True)
    (second,) = engine.autograd.grad(found.sum(), c)
    assert second.tolist() == [1.0, 0.0, 0.0]


def test_a_gradient_has_the_strides_of_the_base() -> None:
    x = engine.zeros(12).as_strided((1, 2), (1, 3), 1).requires_grad_()
    y = x.as_strided((2, 2), (1, 1), 1)
    (found,) = engine.autograd.grad(y, x, engine.ones(2, 2))
    assert found.stride() == (1, 3)
