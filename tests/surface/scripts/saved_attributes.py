"""What nodes show of what they keep: the attributes named _saved_..., for one op after the other."""

import torch
import torch.nn.functional as F

a = torch.rand(3, 3, requires_grad=True) + 0.1
a.retain_grad()
v = torch.rand(4, requires_grad=True)
i = torch.tensor([0, 1])
img = torch.rand(1, 2, 4, 4, requires_grad=True)
w = torch.rand(2, 2, 3, 3, requires_grad=True)
P = torch.eye(3) * 2 + 0.1
P.requires_grad_()
fs = {
    "abs": lambda: a.abs(),
    "add": lambda: a + a,
    "addmm": lambda: torch.addmm(a, a, a),
    "amax": lambda: a.amax(0),
    "bmm": lambda: a[None] @ a[None],
    "cat": lambda: torch.cat([a, a]),
    "chunk": lambda: a.chunk(2)[0],
    "clamp": lambda: a.clamp(0, 1),
    "clone": lambda: a.clone(),
    "cumsum": lambda: a.cumsum(0),
    "diagonal": lambda: a.diagonal(),
    "div": lambda: a / a,
    "divs": lambda: a / 2,
    "dot": lambda: v.dot(v),
    "expand": lambda: v.expand(2, 4),
    "exp": lambda: a.exp(),
    "flip": lambda: a.flip(0),
    "index": lambda: a[i],
    "index_select": lambda: a.index_select(0, i),
    "log": lambda: a.log(),
    "logsumexp": lambda: a.logsumexp(0),
    "masked_fill": lambda: a.masked_fill(a.detach() > 0.5, 0.0),
    "matmul": lambda: a @ a,
    "mv": lambda: P @ a[0],
    "max": lambda: a.max(),
    "maxd": lambda: a.max(0)[0],
    "min": lambda: a.min(0)[0],
    "mean": lambda: a.mean(),
    "meand": lambda: a.mean(0),
    "median": lambda: a.median(),
    "mul": lambda: a * v[0],
    "muls": lambda: a * 2,
    "permute": lambda: a.permute(1, 0),
    "pow": lambda: a**2,
    "powt": lambda: a**a,
    "prod": lambda: a.prod(),
    "prodd": lambda: a.prod(0),
    "relu": lambda: a.relu(),
    "repeat": lambda: a.repeat(2, 1),
    "roll": lambda: a.roll(1, 0),
    "select": lambda: a[0],
    "sigmoid": lambda: a.sigmoid(),
    "slice": lambda: a[1:],
    "softmax": lambda: a.softmax(0),
    "log_softmax": lambda: a.log_softmax(0),
    "sort": lambda: a.sort()[0],
    "split": lambda: a.split(1)[0],
    "sqrt": lambda: a.sqrt(),
    "squeeze": lambda: a[None].squeeze(0),
    "squeezea": lambda: a[None].squeeze(),
    "stack": lambda: torch.stack([a, a]),
    "var": lambda: a.var(0),
    "sub": lambda: a - a,
    "sum": lambda: a.sum(),
    "sumd": lambda: a.sum(0),
    "t": lambda: a.t(),
    "tanh": lambda: a.tanh(),
    "to": lambda: a.double(),
    "topk": lambda: a.topk(1)[0],
    "trace": lambda: a.trace(),
    "transpose": lambda: a.transpose(0, 1),
    "tril": lambda: a.tril(),
    "triu": lambda: a.triu(1),
    "unfold": lambda: v.unfold(0, 2, 1),
    "unsqueeze": lambda: a.unsqueeze(0),
    "view": lambda: a.view(9),
    "where": lambda: torch.where(a > 0, a, a),
    "linear": lambda: F.linear(a, a, a[0]),
    "bn": lambda: F.batch_norm(img, None, None, training=True),
    "gelu": lambda: F.gelu(a),
    "elu": lambda: F.elu(a),
    "leaky": lambda: F.leaky_relu(a),
    "softplus": lambda: F.softplus(a),
    "hardtanh": lambda: F.hardtanh(a),
    "dropout": lambda: F.dropout(a),
    "l1": lambda: F.l1_loss(a, a),
    "bce": lambda: F.binary_cross_entropy(a.sigmoid(), a.detach().sigmoid()),
    "bcel": lambda: F.binary_cross_entropy_with_logits(a, a.detach()),
    "huber": lambda: F.huber_loss(a, a),
    "kl": lambda: F.kl_div(a, a),
    "inv": lambda: P.inverse(),
    "det": lambda: P.det(),
    "chol": lambda: torch.linalg.cholesky(P @ P.T),
    "qr": lambda: torch.linalg.qr(P)[0],
    "einsum": lambda: torch.einsum("ij,jk->ik", a, a),
    "lerp": lambda: a.lerp(a, 0.5),
    "addcmul": lambda: torch.addcmul(a, a, a),
    "atan2": lambda: torch.atan2(a, a),
    "hypot": lambda: torch.hypot(a, a),
    "maximum": lambda: torch.maximum(a, a),
    "scatter": lambda: a.scatter(0, torch.zeros(1, 3, dtype=torch.int64), 0.0),
    "scatter_add": lambda: a.scatter_add(0, torch.zeros(1, 3, dtype=torch.int64), a),
    "pad": lambda: F.pad(a, (1, 1)),
    "copy": lambda: torch.zeros(3, 3).copy_(a),
    "fill": lambda: a.clone().fill_(1.0),
    "zero": lambda: a.clone().zero_(),
    "reciprocal": lambda: a.reciprocal(),
    "rsqrt": lambda: a.rsqrt(),
    "sin": lambda: a.sin(),
    "neg": lambda: -a,
    "cdist": lambda: torch.cdist(a, a),
    "renorm": lambda: a.renorm(2, 0, 1.0),
    "complexm": lambda: torch.complex(a, a),
    "real": lambda: torch.view_as_real(torch.complex(a, a)),
    "dist": lambda: a.dist(a * 2),
    "baddbmm": lambda: torch.baddbmm(a[None], a[None], a[None]),
    "outer": lambda: v.outer(v),
    "kron": lambda: torch.kron(a, a),
    "cumprod": lambda: a.cumprod(0),
    "cummax": lambda: a.cummax(0)[0],
    "nansum": lambda: a.nansum(),
    "diff": lambda: v.diff(),
    "movedim": lambda: a.movedim(0, 1),
    "flatten": lambda: a.flatten(),
    "tile": lambda: a.tile(2),
    "rot": lambda: a.rot90(),
    "softmin": lambda: F.softmin(a, 0),
    "normalize": lambda: F.normalize(a),
    "cos": lambda: F.cosine_similarity(a, a),
    "prelu": lambda: F.prelu(a, v[:1]),
    "glu": lambda: F.glu(v),
    "silu": lambda: F.silu(a),
    "mish": lambda: F.mish(a),
    "pixel": lambda: F.pixel_shuffle(img.repeat(1, 2, 1, 1), 2),
}
for k, f in fs.items():
    try:
        n = f().grad_fn
    except Exception as e:
        print(k, type(e).__name__, e)
        continue
    out = {}
    for s in sorted(x for x in dir(n) if x.startswith("_saved")):
        try:
            val = getattr(n, s)
            out[s] = (
                tuple(val.shape)
                if isinstance(val, torch.Tensor)
                else [tuple(q.shape) if isinstance(q, torch.Tensor) else q for q in val]
                if isinstance(val, (tuple, list)) and any(isinstance(q, torch.Tensor) for q in val)
                else val
            )
        except Exception as e:
            out[s] = (type(e).__name__, str(e)[:60])
    print(k, n.name(), out)
