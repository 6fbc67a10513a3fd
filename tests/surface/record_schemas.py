"""Record the schemas of the installed torch's operators.

python tests/surface/record_schemas.py
"""

from __future__ import annotations

import re
from pathlib import Path

SCHEMAS = Path(__file__).parents[2] / "specs" / "aten" / "schemas.txt"

#: Kernels of other devices, layouts and representations, and names that only torch itself calls.
LEFT_OUT = re.compile(
    r"(_?foreach|_?fused|_?cudnn|_?miopen|_?mkldnn|mkl|_?quantized|fbgemm|_?nested|_?mps|_?sparse|_cslt|_thnn|quantize"
    r"|_make_per|_?fake_quant|q_|int_repr|_empty_(affine|per)|qscheme|_dim|_nnpack|_int_mm|_weight_int|_dyn_quant"
    r"|_jagged|_padded_dense|_flash|_efficient|_scaled_dot_product_(flash|eff|cudnn|fused)|_test|_cufft|_spdiags"
    r"|_coalesce|_?to_sparse|_values|_indices|hspmm|sspaddmm|_addmm_act|_wrapped|_triton|_fbgemm|_?choose_q|_validate"
    r"|_convert_indices|_cud|_copy_from|_transform_bias|_native_multi|_transformer|_grouped|_scaled|sym_|_assert"
    r"|_print|_?lstm_mps|_autocast|_ufmt|_mixed|_chunk)"
)


def lines() -> list[str]:
    """``[~]name.overload(...) -> ...<tab>tags`` in the order in which torch tries the overloads; ~ is for composite."""
    import torch

    dispatched = set(torch._C._dispatch_get_all_op_names())
    made = []
    for name in sorted({n[6:].partition(".")[0] for n in dispatched if n.startswith("aten::")}):
        if LEFT_OUT.match(name):
            continue
        _, overloads = torch._C._jit_get_operation(f"aten::{name}")
        for overload in overloads:
            full = f"aten::{name}" + (f".{overload}" if overload else "")
            if full not in dispatched:
                continue
            schema = str(torch._C._get_schema(f"aten::{name}", overload))
            if "Dimname" in schema:
                continue
            composite = torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeImplicitAutograd")
            found = getattr(getattr(torch.ops.aten, name), overload or "default").tags
            if {"Tag.generated", "Tag.out"} <= {str(tag) for tag in found}:
                continue
            tags = ",".join(sorted(str(tag).partition(".")[2] for tag in found))
            made.append(f"{'~' * composite}{schema.removeprefix('aten::')}\t{tags}")
    return made


if __name__ == "__main__":
    SCHEMAS.write_text("\n".join(lines()) + "\n")
