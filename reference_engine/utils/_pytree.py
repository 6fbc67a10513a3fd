"""``torch.utils._pytree``: functions over nested tuples, lists, dicts and containers that a program registers."""

from __future__ import annotations

import warnings
from typing import Any

from typing_extensions import deprecated

from reference_engine import return_types
from reference_engine.size import Size
from reference_engine.utils.trees import mapping, nodes
from reference_engine.utils.trees.mapping import (
    map_only,
    tree_all,
    tree_all_only,
    tree_any,
    tree_any_only,
    tree_map,
    tree_map_,
    tree_map_only,
    tree_map_only_,
)  # fmt: skip
from reference_engine.utils.trees.nodes import (
    BUILTIN_TYPES,
    CONSTANT_NODES,
    NO_SERIALIZED_TYPE_NAME_FOUND,
    SERIALIZED_TYPE_TO_PYTHON_TYPE,
    STANDARD_DICT_TYPES,
    SUPPORTED_NODES,
    SUPPORTED_SERIALIZED_TYPES,
    ConstantNode,
    Context,
    DumpableContext,
    FlattenFn,
    FlattenWithKeysFn,
    FromDumpableContextFn,
    GetAttrKey,
    KeyEntry,
    KeyPath,
    MappingKey,
    NodeDef,
    PyTree,
    SequenceKey,
    ToDumpableContextFn,
    UnflattenFn,
    is_constant_class,
    is_namedtuple,
    is_namedtuple_class,
    is_namedtuple_instance,
    is_structseq,
    is_structseq_class,
    is_structseq_instance,
    register_constant,
    register_dataclass,
    register_pytree_node,
)  # fmt: skip
from reference_engine.utils.trees.paths import (
    key_get,
    keystr,
    tree_flatten_with_path,
    tree_leaves_with_path,
    tree_map_with_path,
)  # fmt: skip
from reference_engine.utils.trees.serialized import (
    DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL,
    EnumEncoder,
    enum_object_hook,
    pytree_to_str,
    str_to_pytree,
    treespec_dumps,
    treespec_loads,
    treespec_pprint,
)  # fmt: skip
from reference_engine.utils.trees.spec import (
    LeafSpec,
    PyTreeSpec,
    TreeSpec,
    arg_tree_leaves,
    tree_flatten,
    tree_is_leaf,
    tree_iter,
    tree_leaves,
    tree_structure,
    tree_unflatten,
    treespec_dict,
    treespec_leaf,
    treespec_tuple,
)  # fmt: skip

FlattenFunc, UnflattenFunc, FlattenWithKeysFunc = FlattenFn, UnflattenFn, FlattenWithKeysFn
_private_register_pytree_node = nodes.overwrite_pytree_node
_deregister_pytree_node = nodes.deregister_pytree_node
_register_namedtuple = nodes.register_namedtuple
_get_node_type = nodes.node_type
_broadcast_to_and_flatten = mapping.broadcast_to_and_flatten


@deprecated(
    "`torch.utils._pytree._register_pytree_node` is deprecated. "
    "Please use `torch.utils._pytree.register_pytree_node` instead.",
    category=FutureWarning,
)
def _register_pytree_node(
    cls: type[Any], flatten_fn: FlattenFn, unflatten_fn: UnflattenFn, to_str_fn: Any = None,
    maybe_from_str_fn: Any = None, **names: Any,
) -> None:  # fmt: skip
    """The older form of ``register_pytree_node``, which overwrites."""
    if to_str_fn is not None or maybe_from_str_fn is not None:
        warnings.warn(
            "`to_str_fn` and `maybe_from_str_fn` is deprecated. "
            "Please use `to_dumpable_context` and `from_dumpable_context` instead.",
            FutureWarning,
            stacklevel=2,
        )
    nodes.overwrite_pytree_node(cls, flatten_fn, unflatten_fn, **names)


@deprecated(
    "torch.utils._pytree._is_leaf is private and will be removed in a future release. "
    "Please use torch.utils._pytree.tree_is_leaf instead.",
    category=FutureWarning,
)
def _is_leaf(tree: Any, is_leaf: Any = None) -> bool:
    return tree_is_leaf(tree, is_leaf)


@deprecated(
    "torch.utils._pytree._is_namedtuple_instance is private and will be removed in a future release. "
    "Please use torch.utils._pytree.is_namedtuple_instance instead.",
    category=FutureWarning,
)
def _is_namedtuple_instance(tree: Any) -> bool:
    return is_namedtuple_instance(tree)


nodes.register_sequence(Size, "torch.Size", lambda _: None, lambda values, _: tuple(values))
for _kind in vars(return_types).values():
    if isinstance(_kind, type) and issubclass(_kind, return_types.Results) and _kind is not return_types.Results:
        nodes.register_structseq(_kind)

__all__ = [
    "BUILTIN_TYPES", "CONSTANT_NODES", "DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL", "NO_SERIALIZED_TYPE_NAME_FOUND",
    "SERIALIZED_TYPE_TO_PYTHON_TYPE", "STANDARD_DICT_TYPES", "SUPPORTED_NODES", "SUPPORTED_SERIALIZED_TYPES",
    "ConstantNode", "Context", "DumpableContext", "EnumEncoder", "FlattenFn", "FlattenFunc", "FlattenWithKeysFn",
    "FlattenWithKeysFunc", "FromDumpableContextFn", "GetAttrKey", "KeyEntry", "KeyPath", "LeafSpec", "MappingKey",
    "NodeDef", "PyTree", "PyTreeSpec", "SequenceKey", "ToDumpableContextFn", "TreeSpec", "UnflattenFn",
    "UnflattenFunc", "arg_tree_leaves", "enum_object_hook", "is_constant_class", "is_namedtuple",
    "is_namedtuple_class", "is_namedtuple_instance", "is_structseq", "is_structseq_class", "is_structseq_instance",
    "key_get", "keystr", "map_only", "pytree_to_str", "register_constant", "register_dataclass",
    "register_pytree_node", "str_to_pytree", "tree_all", "tree_all_only", "tree_any", "tree_any_only", "tree_flatten",
    "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map",
    "tree_map_", "tree_map_only", "tree_map_only_", "tree_map_with_path", "tree_structure", "tree_unflatten",
    "treespec_dict", "treespec_dumps", "treespec_leaf", "treespec_loads", "treespec_pprint", "treespec_tuple",
]  # fmt: skip
