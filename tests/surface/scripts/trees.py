"""Nested containers: torch.utils._pytree."""

import dataclasses
import enum
import time
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple

import torch
import torch.utils._pytree as pytree

warnings.simplefilter("ignore")


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e))


Point = namedtuple("Point", "x y")
trees = [
    1,
    None,
    (),
    [1, 2],
    (1, [2, (3,)]),
    {"b": 1, "a": {"c": 2}},
    OrderedDict(z=1, y=(2, 3)),
    Point(1, [2, 3]),
    defaultdict(list, {"k": [1, 2]}),
    deque([1, 2], maxlen=4),
    torch.Size([2, 3]),
    torch.ones(2, 2).max(0),
    time.gmtime(0),
    "text",
    {1, 2},
]
for tree in trees:
    leaves, spec = pytree.tree_flatten(tree)
    print(leaves, spec, spec.num_nodes, spec.num_leaves, spec.num_children, spec.is_leaf())
    t(lambda: pytree.tree_unflatten(leaves, spec) == tree)
    t(lambda: hash(spec) == hash(pytree.tree_structure(tree)))
    t(lambda: pytree.treespec_pprint(spec))
    t(lambda: pytree.treespec_dumps(spec))
    t(lambda: pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec)
    t(lambda: [(pytree.keystr(k), v, pytree.key_get(tree, k) == v) for k, v in pytree.tree_leaves_with_path(tree)])
spec = pytree.tree_structure((1, [2, 3]))
t(lambda: spec.unflatten([1]))
t(lambda: pytree.tree_unflatten([1, 2], spec))
t(lambda: pytree.tree_unflatten(spec, [1, 2, 3]))
t(lambda: pytree.tree_unflatten([1], 3))
t(lambda: spec.children())
t(lambda: spec.child(1))
t(lambda: spec.context)
t(lambda: spec.type)
t(lambda: spec == pytree.tree_structure((1, [2, 3])))
t(lambda: spec == pytree.tree_structure((1, (2, 3))))
t(lambda: spec == 3)
t(lambda: pytree.tree_map(lambda x: x + 1, {"x": 7, "y": (42, 64)}))
t(lambda: pytree.tree_map(lambda x, y: [x, *y], [5, 6], [[7, 9], [1, 2]]))
t(lambda: pytree.tree_map(lambda x, y: x, [5, 6], [1]))
t(lambda: pytree.tree_map(lambda x, y: x, [5, 6], (1, 2)))
t(lambda: pytree.tree_map(lambda x, y: x + y, {"a": 1, "b": 2}, OrderedDict(b=3, a=4)))
t(lambda: pytree.tree_map(lambda x, y: x + y, {"a": 1, "b": 2}, {"a": 3, "c": 4}))
t(lambda: pytree.tree_map(lambda x, y: (x, y), deque([1], maxlen=2), deque([3], maxlen=5)))
t(lambda: pytree.tree_map(lambda x: x, [1, (2, 3)], is_leaf=lambda x: isinstance(x, tuple)))
t(lambda: pytree.tree_map_(print, [1, (2, 3)]))
t(lambda: pytree.tree_map_only(int, lambda x: -x, [1, "a", (2.0, 3)]))
t(lambda: pytree.tree_map_only((int, str), lambda x: x * 2, [1, "a", (2.0, 3)]))
t(lambda: pytree.tree_map_only(int | float, lambda x: x * 2, [1, "a", (2.0, 3)]))
t(lambda: pytree.tree_map_only(lambda x: x == 3, lambda x: x * 2, [1, "a", (2.0, 3)]))
t(lambda: pytree.tree_map_only(3, lambda x: x * 2, [1]))
t(lambda: pytree.tree_all(lambda x: x > 0, [1, (2, 3)]))
t(lambda: pytree.tree_any(lambda x: x > 2, [1, (2, 3)]))
t(lambda: pytree.tree_all_only(int, lambda x: x > 0, [1, ("a", 3)]))
t(lambda: pytree.tree_any_only(str, lambda x: x == "b", [1, ("a", 3)]))
t(lambda: pytree.tree_is_leaf(3))
t(lambda: pytree.tree_is_leaf([3]))
t(lambda: list(pytree.tree_iter([3, {"a": 4}])))
t(lambda: pytree.arg_tree_leaves([1, 2], a=(3,), b=4))
t(lambda: pytree.tree_map_with_path(lambda k, x, y: (pytree.keystr(k), x, y), {"a": [1, 2]}, {"a": [3, (4,)]}))
t(lambda: pytree.treespec_tuple([spec, pytree.treespec_leaf()]))
t(lambda: pytree.treespec_tuple([1]))
t(lambda: pytree.treespec_dict({"a": spec}, b=pytree.treespec_leaf()))
t(lambda: pytree.treespec_dict(a=1))
t(lambda: pytree._broadcast_to_and_flatten((0, 1), spec))
t(lambda: pytree._broadcast_to_and_flatten([0, 1], spec))
t(lambda: pytree.treespec_dumps(spec, 5))
t(lambda: pytree.treespec_dumps(3))
t(lambda: pytree.treespec_loads("[7, {}]"))
t(lambda: pytree.treespec_loads('[1, {"type": "what", "context": "null", "children_spec": []}]'))
for value in (Point, Point(1, 2), (1,), time.struct_time, time.gmtime(0), int):
    print(pytree.is_namedtuple(value), pytree.is_namedtuple_class(value), pytree.is_namedtuple_instance(value))
    print(pytree.is_structseq(value), pytree.is_structseq_class(value), pytree.is_structseq_instance(value))


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __repr__(self):
        return f"Pair({self.a}, {self.b})"


pytree.register_pytree_node(
    Pair, lambda p: ([p.a, p.b], "ctx"), lambda values, context: Pair(*values), serialized_type_name="test.Pair"
)
t(lambda: pytree.tree_map(lambda x: x + 1, [Pair(1, (2, 3))]))
t(lambda: pytree.tree_structure(Pair(1, 2)))
t(lambda: pytree.treespec_dumps(pytree.tree_structure(Pair(1, 2))))
t(lambda: pytree.tree_leaves_with_path(Pair(1, 2)))
t(lambda: pytree.register_pytree_node(Pair, None, None))
t(lambda: pytree.tree_map(lambda x, y: x, Pair(1, 2), [1, 2]))


@dataclasses.dataclass
class Data:
    x: int
    y: object = None
    z: int = 0


pytree.register_dataclass(Data)
t(lambda: pytree.tree_map(lambda x: x * 2, Data(1, None, 3)))
t(lambda: pytree.tree_flatten(Data(1, [2], 3)))
t(lambda: [(pytree.keystr(k), v) for k, v in pytree.tree_leaves_with_path(Data(1, [2], 3))])


@dataclasses.dataclass
class Other:
    x: int
    y: int


t(lambda: pytree.register_dataclass(Other, field_names=["x"]))
t(lambda: pytree.register_dataclass(Other, field_names=["x", "y", "w"]))
t(lambda: pytree.register_dataclass(Pair))
pytree.register_dataclass(Other, field_names=["x"], drop_field_names=["y"])


class Kind(enum.Enum):
    A = 1


@dataclasses.dataclass(frozen=True)
class Config:
    norm: str


pytree.register_constant(Config)
t(lambda: pytree.tree_flatten([Config("l2"), 1]))
t(lambda: pytree.is_constant_class(Config))


class Plain:
    pass


class Unhashable:
    def __eq__(self, other):
        return True


t(lambda: pytree.register_constant(Plain))
t(lambda: pytree.register_constant(Unhashable))
pytree._register_namedtuple(Point, serialized_type_name="test.Point")
t(lambda: pytree.treespec_dumps(pytree.tree_structure(Point(1, 2))))
t(lambda: pytree.LeafSpec())
t(lambda: spec.children_specs)
x = torch.ones(2, requires_grad=True)
t(lambda: pytree.tree_map_only(torch.Tensor, lambda v: v.sum(), {"a": [x, 1], "b": (x * 2, "s")}))
for form in (lambda: pytree.register_pytree_node(Plain, None, None, to_dumpable_context=lambda c: c),):
    t(form)
