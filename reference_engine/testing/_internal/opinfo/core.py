"""What a test suite knows of an operation: how to call it, on which dtypes, and on which inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


class SampleInput:
    """One call: the first argument, the others, and those by keyword."""

    def __init__(
        self, input: Any, *var_args: Any, args: Any = None, kwargs: Any = None, output_process_fn_grad: Any = None,
        broadcasts_input: bool | None = None, name: str | None = None, **var_kwargs: Any,
    ) -> None:  # fmt: skip
        self.input = input
        self.args: tuple[Any, ...] = tuple(args) if args is not None else var_args
        self.kwargs: dict[str, Any] = dict(kwargs) if kwargs is not None else var_kwargs
        self.output_process_fn_grad = output_process_fn_grad or (lambda output: output)
        self.broadcasts_input, self.name = bool(broadcasts_input), name or ""

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in ("input", "args", "kwargs", "broadcasts_input", "name")]
        return f"SampleInput({', '.join(shown)})"

    def transform(self, f: Callable[[Any], Any]) -> SampleInput:
        """The same call with a function applied to each tensor, and to whatever else is not a container."""

        def within(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return type(value)(map(within, value))
            return {key: within(each) for key, each in value.items()} if isinstance(value, dict) else f(value)

        return SampleInput(within(self.input), args=within(self.args), kwargs=within(self.kwargs), name=self.name)


class ErrorInput:
    """One call that is refused."""

    def __init__(self, sample_input: SampleInput, *, error_type: Any = RuntimeError, error_regex: str) -> None:
        self.sample_input, self.error_type, self.error_regex = sample_input, error_type, error_regex


@dataclass
class OpInfo:
    """An operation under test."""

    name: str
    op: Callable[..., Any]
    sample_inputs_func: Callable[..., Iterable[SampleInput]] | None = None
    dtypes: Any = ()
    variant_test_name: str = ""
    supports_forward_ad: bool = False
    supports_fwgrad_bwgrad: bool = False
    supports_autograd: bool = True
    supports_gradgrad: bool | None = None
    supports_out: bool = True
    gradcheck_wrapper: Callable[..., Any] | None = None
    skips: Any = field(default_factory=tuple)
    decorators: Any = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.op(*args, **kwargs)

    def sample_inputs(self, device: Any, dtype: Any, requires_grad: bool = False, **kwargs: Any) -> Any:
        """The calls to be tested with."""
        assert self.sample_inputs_func is not None
        return self.sample_inputs_func(self, device, dtype, requires_grad, **kwargs)

    def supported_dtypes(self, device_type: str) -> set[Any]:
        return set(self.dtypes)

    def supports_dtype(self, dtype: Any, device_type: str) -> bool:
        return dtype in self.dtypes

    @property
    def formatted_name(self) -> str:
        tail = f"_{self.variant_test_name.replace('.', '_')}" if self.variant_test_name else ""
        return self.name.replace(".", "_") + tail


__all__ = ["ErrorInput", "OpInfo", "SampleInput"]
