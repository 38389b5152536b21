"""Manifests: a csv or parquet table with a row for each video, of what is to be labelled.

Column `path` (relative to the manifest's folder, or absolute) or `url`; `id`, where there is one, names the label; every other
column is kept and stands beside the label in the ledger.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playtape.errors import BadInput, one_line
from playtape.label.table import read_table

ENDINGS = (".csv", ".parquet")
OWN = ("path", "url", "id")


@dataclass(frozen=True)
class Row:
    """One row. `wrong` says what is wrong with it; then the rest does not count."""

    number: int  # from 1, the header not counted
    path: str = ""
    url: str = ""
    id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""


def read(data: bytes, name: str) -> list[Row]:
    """The rows of a manifest, of which `name` is what it is called. Raises BadInput for what is no table, or names no videos."""
    columns, rows = read_table(io.BytesIO(data), name) if name.lower().endswith(".parquet") else _csv(data, name)
    if not {"path", "url"} & {*columns}:
        told = one_line(", ".join(map(str, columns)))[:200]
        raise BadInput(f"{name} has columns {told or 'none'}; one must be path or url")
    if not rows:
        raise BadInput(f"{name} has no rows; give a row for each video")
    return [_row(number, row) for number, row in enumerate(rows, 1)]


def _row(number: int, row: Mapping[Any, Any]) -> Row:
    if None in row:
        return Row(number, wrong=f"row {number} has more fields than the header")
    own = {key: row.get(key) for key in OWN}
    for key in ("path", "url"):
        if own[key] is not None and not isinstance(own[key], str):
            return Row(number, wrong=f"row {number} has {str(own[key])[:60]!r} for {key}; it must be a text")
    path, url, called = ("" if value is None else str(value).strip() for value in own.values())
    extra = {key: value for key, value in row.items() if key not in OWN}
    if not path and not url:
        return Row(number, id=called, extra=extra, wrong=f"row {number} names neither a path nor a url")
    return Row(number, path, "" if path else url, called, extra)


def _csv(data: bytes, name: str) -> tuple[list[str], list[dict[Any, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{name} is not a csv table in UTF-8: {error}") from error
    return [column.strip() for column in reader.fieldnames or ()], [
        {key.strip() if isinstance(key, str) else key: value for key, value in row.items()} for row in rows
    ]
