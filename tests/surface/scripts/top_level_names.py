"""Functions that stand at the top level under other names than in torch.nn.functional."""

import torch


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


x = torch.ones(2, requires_grad=True)
t(lambda: torch.is_inference(x))
t(lambda: torch.detach(x))
t(lambda: torch.is_inference_mode_enabled())
with torch.inference_mode():
    y = x * 2
    print(y.requires_grad, torch.is_inference(y), y.is_inference())
t(lambda: y.add_(x))
t(lambda: y * x)
t(lambda: y._version)
t(lambda: y.view(-1).add_(1))


@torch.no_grad()
def f(x):
    return x * 2


@torch.no_grad
def g(x):
    return x * 2


t(lambda: f(x).requires_grad)
t(lambda: g(x).requires_grad)


@torch.inference_mode
def h(x):
    return x * 2


t(lambda: h(x).is_inference())


@torch.enable_grad()
def k(x):
    return x * 2


with torch.no_grad():
    t(lambda: k(x).requires_grad)


@torch.no_grad()
def gen():
    for i in range(3):
        yield torch.is_grad_enabled()


@torch.set_grad_enabled(False)
def z(x):
    return x * 2


t(lambda: z(x).requires_grad)
t(lambda: torch.is_grad_enabled())
t(lambda: torch.autograd.inference_mode.__name__)
with torch.autograd.detect_anomaly(check_nan=False):
    t(lambda: torch.is_anomaly_enabled())
with torch.autograd.set_detect_anomaly(True):
    t(lambda: torch.is_anomaly_check_nan_enabled())
t(lambda: torch.is_nonzero(torch.tensor(3.0)))
t(lambda: torch.is_signed(x) if hasattr(torch, "is_signed") else 1)
t(lambda: torch.is_conj(x))
t(lambda: torch.is_neg(x))
t(lambda: torch.is_same_size(x, x))
t(lambda: torch.is_distributed(x))
t(lambda: torch.get_device(x))
t(lambda: torch.is_tensor(x))
t(lambda: torch.is_storage(x.untyped_storage()))
t(lambda: torch.dropout(x, 0.0, True))
t(lambda: torch.embedding(torch.ones(3, 2), torch.tensor([1])))
t(lambda: torch.layer_norm(x, (2,)))
t(lambda: torch.batch_norm(x.view(2, 1), None, None, None, None, True, 0.1, 1e-05, False))
t(lambda: torch.group_norm(x.view(1, 2), 1))
t(lambda: torch.instance_norm(x.view(1, 1, 2), None, None, None, None, True, 0.1, 1e-05, False))
t(lambda: torch.selu(x))
t(lambda: torch.celu(x))
t(lambda: torch.rms_norm(x, (2,)))
t(lambda: torch.max_pool2d(torch.arange(16.0).view(1, 1, 4, 4), 2))
t(lambda: torch.avg_pool1d(torch.arange(4.0).view(1, 4), 2))
t(lambda: torch.max_pool1d(torch.arange(4.0).view(1, 4), 2))
t(lambda: torch.adaptive_avg_pool1d(torch.arange(4.0).view(1, 4), 2))
t(lambda: torch.bilinear(x.view(1, 2), x.view(1, 2), torch.ones(1, 2, 2)))
t(lambda: torch.kl_div(x, x))
t(lambda: torch.hinge_embedding_loss(x, x))
t(lambda: torch.margin_ranking_loss(x, x, x))
t(lambda: torch.cosine_embedding_loss(x.view(1, 2), x.view(1, 2), torch.ones(1)))
t(lambda: torch.triplet_margin_loss(x.view(1, 2), x.view(1, 2), x.view(1, 2)))
t(lambda: torch.poisson_nll_loss(x, x, True, False, 1e-08, 1))
t(lambda: torch.binary_cross_entropy_with_logits(x, x))
t(lambda: torch.lstm_cell(torch.ones(1, 2), 2 * (torch.ones(1, 1),), torch.ones(4, 2), torch.ones(4, 1))[0])
t(lambda: torch.gru_cell(torch.ones(1, 2), torch.ones(1, 1), torch.ones(3, 2), torch.ones(3, 1)))
t(lambda: torch.rnn_tanh_cell(torch.ones(1, 2), torch.ones(1, 1), torch.ones(1, 2), torch.ones(1, 1)))
t(lambda: torch.asarray([1, 2.0]))
t(lambda: torch.frombuffer(b"\x01\x02", dtype=torch.uint8))
t(lambda: torch.broadcast_shapes((2, 1), (3,)))
t(lambda: torch.logspace(0, 2, 3))
t(lambda: torch.tril_indices(3, 3))
t(lambda: torch.triu_indices(2, 3))
t(lambda: torch.isin(torch.tensor([1, 2]), torch.tensor([2])))
t(lambda: torch.range(0, 2))
t(lambda: torch.newaxis)
t(lambda: torch.unravel_index(torch.tensor(5), (2, 3)))
t(lambda: torch.zero_(torch.ones(1)))
