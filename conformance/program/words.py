"""How Python writes what a Program says by name: operators, and the ways to look at a value."""

from __future__ import annotations

INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "lshift": "<<",
    "rshift": ">>",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
}
PREFIX = {"neg": "-", "pos": "+", "invert": "~"}
# Operators that are written as neither.
OTHER_OPERATORS = frozenset({"abs", "getitem", "contains"})
COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
AUGMENTED = {name: f"{symbol}=" for name, symbol in INFIX.items() if name not in COMPARISONS}
OPERATORS = frozenset(INFIX) | frozenset(PREFIX) | OTHER_OPERATORS

# `Read.what` is one of Python's functions, a method without arguments, or else a property.
READ_FUNCTIONS = frozenset({"bool", "float", "int", "complex", "len", "repr", "str", "list", "index"})
READ_METHODS = frozenset(
    {
        "item", "tolist", "numpy", "size", "stride", "storage_offset", "dim", "numel", "element_size", "type",
        "is_contiguous", "is_floating_point", "is_complex", "is_conj", "is_neg", "is_inference", "is_signed", "name",
        "is_same_size", "_is_view", "get_device", "is_shared", "is_pinned", "has_names", "resolve_conj", "resolve_neg",
        "nonzero", "clone", "detach", "dense_dim", "sparse_dim", "is_coalesced",
    }
)  # fmt: skip
