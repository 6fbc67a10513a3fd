"""The shipped data is consistent, and its index can be printed."""

from __future__ import annotations

import subprocess
import sys

import specs
from specs.__main__ import index


def test_shipped_data_is_consistent() -> None:
    loaded = specs.load()
    assert loaded.clauses
    assert loaded.messages


def test_every_template_takes_its_fields_and_no_others() -> None:
    for message in specs.load().messages.values():
        for template in message.template:
            filled = template.text.format(**{field: f"<{field}>" for field in template.fields})
            assert [field for field in template.fields if f"<{field}>" not in filled] == [], message.id


def test_index_names_every_message_with_its_type() -> None:
    lines = index(specs.load()).splitlines()
    assert "backward.grad_tensors.type  TypeError  'gradients can be either Tensors or None, but got {type}'" in lines


def test_index_can_be_limited_to_an_area() -> None:
    lines = index(specs.load(), ("grad",)).splitlines()[:-1]
    assert lines
    assert all(line.startswith("grad.") for line in lines)


def test_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "specs", "grad"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "grad.inputs.unused" in done.stdout
