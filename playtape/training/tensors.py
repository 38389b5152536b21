"""Named tensors on disk, as safetensors: whole or not at all, and one sentence when the file or the disk is at fault."""

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playtape.errors import BadInput


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Replace `path` at once. Raises BadInput where it cannot be written; nothing half-written stays."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file({key: value.contiguous() for key, value in tensors.items()}, partial)
        partial.chmod(0o644)  # safetensors makes files that only their owner reads
        os.replace(partial, path)
    except SafetensorError as error:
        raise BadInput(
            f"cannot write {path}: {error}; free some space or give another folder, and try again"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of the file. Raises BadInput where it is not a whole safetensors file."""
    try:
        return load_file(path)
    except (
        SafetensorError,
        OSError,
        TypeError,
        RuntimeError,
    ) as error:  # the last two are torch's, of impossible shapes
        why = str(error).partition("\n")[0]
        raise BadInput(f"{path} is not a whole safetensors file: {why}") from error
