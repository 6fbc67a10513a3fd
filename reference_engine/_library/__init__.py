"""``torch._library``: where torch keeps what ``torch.library`` is made of."""
