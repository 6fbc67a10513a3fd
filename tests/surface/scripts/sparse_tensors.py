"""Sparse tensors by coordinates and by rows: how they are made, shown, changed, and what is refused."""

import warnings

import torch

warnings.simplefilter("ignore")


def attempt(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error).split("for possible resolutions.")[0])


places = torch.tensor([[0, 1, 1], [2, 0, 2]])
s = torch.sparse_coo_tensor(places, torch.tensor([3.0, 4.0, 5.0]), (2, 3))
print(s)
print(s.to_dense())
print(s.layout, s.is_sparse, s.is_coalesced(), s._nnz(), s.sparse_dim(), s.dense_dim(), s.type(), s.stride())

# places may be there several times until they are coalesced
u = torch.sparse_coo_tensor([[0, 0, 1], [1, 1, 0]], [1.0, 2.0, 3.0], (2, 2))
print(u, u.to_dense())
attempt(u.values)
c = u.coalesce()
print(c, c.indices(), c.values(), c.coalesce() is c)

# hybrid tensors, sizes that are inferred, no places at all
h = torch.sparse_coo_tensor(torch.tensor([[0, 2]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
print(h, h.sparse_dim(), h.dense_dim())
print(torch.sparse_coo_tensor((2, 3)), torch.zeros(2, 2, layout=torch.sparse_coo), torch.zeros_like(s))
print(torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse(), torch.eye(3).to_sparse(1))
print(torch.sparse_coo_tensor(places, torch.tensor([1 + 2j, 3, 4]), (2, 3), requires_grad=True))

# arithmetic
d = torch.arange(6.0).reshape(2, 3)
print(s + s, s - s, s * 2, s * s, s / 4, d + s, d * s, s**2, -s, s.sin())
print((u + u).coalesce(), (u * u).coalesce(), u.abs())
attempt(lambda: s + d)
attempt(lambda: s + 1)
attempt(lambda: s / d)
attempt(lambda: s.exp())
attempt(lambda: s**0)
attempt(lambda: u.clone().sin_())
t = s.clone()
print(t.mul_(2), t.add_(s), t.zero_(), t._version)

# parts and shapes
print(s.t(), s.transpose(0, 1).shape, s[1], s[1, 2], s.unsqueeze(0), s.index_select(1, torch.tensor([2, 0])))
print(torch.cat([s, s], 1), torch.stack([s, s]).shape, s.narrow_copy(1, 1, 2), [x.to_dense() for x in s])
attempt(lambda: s.view(3, 2))
attempt(lambda: s.reshape(3, 2))
attempt(lambda: s.expand(2, 2, 3))
attempt(lambda: torch.cat([s, d]))
attempt(lambda: s.numpy())
attempt(lambda: s.untyped_storage())

# sums and products
print(s.sum(), s.sum(0), torch.sparse.sum(s), torch.sparse.sum(s, 1), torch.sparse.sum(h, 0), s.norm(), u.norm())
print(torch.sparse.softmax(s, 1), torch.sparse.log_softmax(s, 0).is_coalesced())
m = torch.arange(6.0).reshape(3, 2)
print(s @ m, torch.sparse.mm(s, m), s.mv(torch.ones(3)), s.mm(s.t()), d.t() @ s, torch.smm(s, m), torch.hspmm(s, m))
print(torch.sparse.addmm(torch.ones(2, 2), s, m, beta=2, alpha=3), torch.addmm(torch.ones(2, 2), s, m))
attempt(lambda: s @ torch.ones(2, 2))
attempt(lambda: torch.sparse.mm(s, m.double()))
print(torch.sparse.spdiags(torch.arange(9).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 3)))

# conversions and masks
print(
    s.double(),
    s.int(),
    s.to(torch.float32) is s,
    torch.ones(2, 3).sparse_mask(s),
    d.sparse_mask(u.to_dense().to_sparse()) if d.shape == u.shape else "other shape",
)
attempt(lambda: d.sparse_mask(u))
attempt(lambda: d.to_sparse(3))
attempt(lambda: s.to_dense(torch.float64))
print(s.clone().sparse_resize_((2, 4), 2, 0))
attempt(lambda: s.clone().sparse_resize_((1, 3), 2, 0))

# places are believed, unless somebody asks
attempt(lambda: torch.sparse_coo_tensor(places, torch.ones(3), (2, 2), check_invariants=True))
attempt(lambda: torch.sparse_coo_tensor(places, torch.ones(2), (2, 3)))
attempt(lambda: torch.sparse_coo_tensor(places, torch.ones(3), (2, 3, 4)))
with torch.sparse.check_sparse_tensor_invariants():
    print(torch.sparse.check_sparse_tensor_invariants.is_enabled())
    attempt(lambda: torch.sparse_coo_tensor(-places, torch.ones(3), (2, 3)))
print(torch.sparse.check_sparse_tensor_invariants.is_enabled())

# by rows and by columns
r = s.to_sparse_csr()
print(r, r.crow_indices(), r.col_indices(), r.values(), s.to_sparse_csc(), d.to_sparse_bsr((2, 3)))
print(r * 2, r + r, r @ m, r.sum(), r.t().layout, r.to_sparse(), r.to_dense())
print(torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4.0, 5.0], (2, 3)))
attempt(r.indices)
attempt(s.crow_indices)
attempt(lambda: torch.sparse_csr_tensor([0, 1, 4], [2, 0, 2], [3.0, 4.0, 5.0], (2, 3), check_invariants=True))
