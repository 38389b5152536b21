"""Parquet tables that somebody else may have written, or damaged: manifests and ledgers."""

from pathlib import Path
from typing import Any, BinaryIO

from playtape.errors import BadInput, first_line, need


def read_table(source: Path | BinaryIO, name: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Its columns and its rows. Raises BadInput, which begins with `name`, for what is no whole table."""
    parquet, lib = need("pyarrow.parquet", "formats"), need("pyarrow.lib", "formats")
    try:
        table = parquet.read_table(source)
        return table.column_names, table.to_pylist()
    except (lib.ArrowException, OSError, ValueError, OverflowError) as error:  # texts and times come last, as values
        raise BadInput(f"{name} is not a whole parquet table: {first_line(error)}") from error
