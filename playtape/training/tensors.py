"""Named tensors on disk, as safetensors: whole or not at all, and one sentence when the file or the disk is at fault."""

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
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
        raise _not_whole(path, error) from error


def check_whole(path: Path) -> None:
    """Raises BadInput where it is not a whole safetensors file, by its header, which tells how long it is: no tensor is read."""
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> BadInput:
    return BadInput(f"{path} is not a whole safetensors file: {str(error).partition(chr(10))[0]}")
