"""What is below the public functions: operators by schema (``torch.ops.aten``), and who may see their calls.

schema.py     what an operator takes and returns, as data
watching.py   modes and tensor subclasses that are shown the calls below autograd (``__torch_dispatch__``)
pairing.py    a declared op and an operator of torch's: which argument is which
operators.py  ``torch.ops``: operators as objects that can be called
kernels.py    what runs an operator that no declared op stands for
"""
