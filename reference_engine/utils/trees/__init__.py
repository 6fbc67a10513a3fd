"""Nested containers: what a node is, the shape of a tree, and functions over its leaves. ``torch.utils._pytree``."""
