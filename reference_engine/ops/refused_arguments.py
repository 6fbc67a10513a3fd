"""What is said when arguments fit none of several forms of a call: what was given, and what is wrong with each form.

The words are torch's, whose account of a form is made from the text of the form: where that shows default values, a
parameter with one counts as of another type and name than it has. Keywords come in the order of a C++ hash table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.hash_tables import GROWN, hash_of, order
from reference_engine.semantics import refusal, switch
from reference_engine.size import Size
from reference_engine.tensor import Tensor

_SPOKEN = {"layout": "torch.layout", "device": "torch.device", "memory_format": "torch.memory_format"}


def type_name(v: Any) -> str:
    """The type of an argument as messages have it."""
    if isinstance(v, Tensor):
        return "Tensor" if type(v) is Tensor else type(v).__name__
    if isinstance(v, dtypes.dtype):
        return "torch.dtype"
    if isinstance(v, Size):
        return "torch.Size"
    if isinstance(v, (np.generic, np.ndarray)):
        return f"numpy.{type(v).__name__}"
    return _SPOKEN.get(type(v).__name__, type(v).__name__)


def shown(form: str) -> str:
    """A form of a call as the version in force spells it: with default values or without."""
    if switch("ops.arguments.defaults_shown"):
        return form
    return ", ".join(part.partition(" = ")[0] for part in form.split(", "))


def refused(op: str, args: Sequence[Any], kwargs: Mapping[str, Any], forms: Sequence[str]) -> Exception:
    """The refusal of a call that none of ``forms``, such as ``"Tensor input, int dim"``, takes."""
    forms = [shown(form) for form in forms]
    names = list(kwargs)
    keywords = {names[i]: kwargs[names[i]] for i in order([hash_of(name.encode()) for name in names], GROWN)}
    got = _listed([type_name(a) for a in args], [f"{k}={type_name(v)}" for k, v in keywords.items()])
    if len(forms) > 1:
        lines = "".join(f"\n * ({form}){_account(form, args, keywords)}" for form in forms)
        return refusal("ops.arguments.combination", op=op, got=got, signatures=lines)
    if unknown := _unknown(forms[0], keywords):
        return refusal("ops.arguments.unrecognized", op=op, names=", ".join(unknown))
    if _counts(forms[0], args, keywords):
        got = _marked(forms[0], args, keywords)
    return refusal("ops.arguments.combination_one", op=op, got=got, signature=forms[0])


def _listed(given: list[str], named: list[str]) -> str:
    # without an argument in front, what follows a keyword is not taken away again
    return ", ".join(given + named) + ", " * (not given and bool(named))


def _parameters(form: str) -> list[tuple[str, str]]:
    """(type, name) of each part of a form, the star among them, divided at the last blank."""
    parts = [part.rpartition(" ") for part in form.split(", ")] if form else [("", "", "")]
    return [(kind or name, name) for kind, _, name in parts]


def _counts(form: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    return len(_parameters(form)) == len(args) + len(keywords)


def _unknown(form: str, keywords: Mapping[str, Any]) -> list[str]:
    parameters = _parameters(form)
    behind = {name for _, name in parameters[max(len(parameters) - len(keywords), 0) :]}
    return [name for name in keywords if name not in behind]


def _account(form: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """Why a form with as many parameters as there are arguments did not fit; nothing of the others."""
    if not _counts(form, args, keywords):
        return ""
    if unknown := _unknown(form, keywords):
        return "\n      didn't match because some of the keywords were incorrect: " + ", ".join(unknown)
    marked = _marked(form, args, keywords)
    return f"\n      didn't match because some of the arguments have invalid types: ({marked})"


_ALSO = {"float": ("float", "int", "long"), "int": ("int", "long")}


def _marked(form: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """The types of the arguments, those that are not spelled like the parameter's between exclamation marks."""
    given: list[str] = []
    named: list[str] = []
    for i, (kind, name) in enumerate(_parameters(form)):
        value = args[i] if i < len(args) else keywords[name]
        what = type_name(value)
        text = what if i < len(args) else f"{name}={what}"
        mark = "" if what in _ALSO.get(kind, (kind,)) else "!"
        (given if i < len(args) else named).append(f"{mark}{text}{mark}")
    return _listed(given, named)
