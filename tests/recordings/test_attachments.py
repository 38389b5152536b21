"""Files of other formats that are kept in a recording: found where they lie, read when asked for, told when damaged."""

from dataclasses import replace

import pytest
from mcap.reader import make_reader

from playtape.errors import BadInput
from playtape.recordings import Attachment, open_recording, repair, save_recording


@pytest.fixture
def kept(recording, tmp_path):
    """A recording with two files in it."""
    (tmp_path / "large").write_bytes(bytes(range(256)) * 5_000)
    (tmp_path / "empty").write_bytes(b"")
    files = {name: Attachment.of(tmp_path / name, f"x/{name}") for name in ("large", "empty")}
    return save_recording(replace(recording, attachments=files), tmp_path / "a.mcap")


def test_they_are_read_as_they_were(kept, tmp_path):
    files = open_recording(kept).attachments
    assert {name: file.read() for name, file in files.items()} == {"large": bytes(range(256)) * 5_000, "empty": b""}
    assert [file.media_type for file in files.values()] == ["x/large", "x/empty"]
    with kept.open("rb") as file:  # and as the format's own package reads them
        theirs = {each.name: each.data for each in make_reader(file, validate_crcs=True).iter_attachments()}
    assert theirs["large"] == files["large"].read()


def test_a_recording_written_twice_is_the_same_file(kept, tmp_path):
    again = save_recording(open_recording(kept), tmp_path / "b.mcap")
    assert again.read_bytes() == kept.read_bytes()


def test_a_damaged_one_is_told(kept, tmp_path):
    data = bytearray(kept.read_bytes())
    place = data.index(bytes(range(200)))
    data[place] ^= 1
    kept.write_bytes(data)
    with pytest.raises(BadInput, match="the attachment 'large' has a wrong CRC; `playtape repair"):
        open_recording(kept)
    result = repair(kept, tmp_path / "fixed.mcap")
    assert "the attachment 'large' has a wrong CRC" in result["damage"]
    assert list(open_recording(tmp_path / "fixed.mcap").attachments) == ["empty"]
    name = data.index(b"x/large")
    data[name - 4] = 0xFF  # the length of that text
    kept.write_bytes(data)
    with pytest.raises(BadInput, match=r"the attachment at byte \d+ is not well formed"):
        open_recording(kept)


def test_repair_keeps_them(kept, tmp_path):
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(kept.read_bytes()[:-300])
    with pytest.raises(BadInput):
        open_recording(cut)
    repair(cut, tmp_path / "fixed.mcap")
    assert open_recording(tmp_path / "fixed.mcap").attachments["large"].read() == bytes(range(256)) * 5_000
