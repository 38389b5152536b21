"""What scripts/fuzz.py throws damaged input at: each parser's whole inputs, of our own writers, and how they are read."""

import asyncio
import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Parser = tuple[list[bytes], Callable[[bytes], Any]]


def mcap(folder: Path) -> Parser:
    """OWAMcap as we write it, and without chunks and checksums, behind which damage is not seen."""
    from mcap.reader import make_reader
    from mcap.writer import CompressionType, Writer

    from playtape.recordings import open_recording
    from playtape.recordings.formats import owamcap

    path = owamcap.find(owamcap.example(folder))[0]
    bare = io.BytesIO()
    writer = Writer(bare, compression=CompressionType.NONE, use_chunking=False, enable_crcs=False)
    writer.start(profile="owa")
    with path.open("rb") as file:
        reader = make_reader(file)
        ids: dict[int, int] = {}
        for entry in reader.iter_metadata():
            writer.add_metadata(entry.name, entry.metadata)
        for schema, channel, message in reader.iter_messages():
            if channel.id not in ids:
                number = writer.register_schema(schema.name, schema.encoding, schema.data) if schema else 0
                ids[channel.id] = writer.register_channel(
                    channel.topic, channel.message_encoding, number, channel.metadata
                )
            writer.add_message(ids[channel.id], message.log_time, message.data, message.publish_time, message.sequence)
    writer.finish()

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        recording = open_recording(path)
        _ = recording.events, recording.spans, recording.confidence

    return [path.read_bytes(), bare.getvalue()], parse


def proto(folder: Path) -> Parser:
    """annotation.proto beside its video."""
    from playtape.recordings.formats import p2p

    path = p2p.find(p2p.example(folder))[0]

    def parse(data: bytes) -> None:
        (path / p2p.ANNOTATION).write_bytes(data)
        recording = p2p.read(path)
        _ = recording.events, recording.spans

    return [(path / p2p.ANNOTATION).read_bytes()], parse


def parquet(folder: Path) -> Parser:
    """NitroGen's tables of actions."""
    from playtape.recordings.formats import _nitrogen_labels as labels
    from playtape.recordings.formats import nitrogen

    path = next(nitrogen.example(folder).rglob(labels.RAW))
    return [path.read_bytes()], lambda data: labels.rows(data, "table", None)


def metadata(folder: Path) -> Parser:
    """NitroGen's metadata.json."""
    from playtape.recordings.formats import _nitrogen_labels as labels
    from playtape.recordings.formats import nitrogen

    path = next(nitrogen.example(folder).rglob(labels.METADATA))
    return [path.read_bytes()], lambda data: labels.parse(data, "metadata.json")


def manifest(folder: Path) -> Parser:
    """What `playtape label` is given, as parquet and as csv."""
    import pyarrow as pa
    from pyarrow import parquet as writer

    from playtape.label import manifest

    rows = {"path": ["a.mp4", "b/c.mp4"], "id": ["one", None], "game": ["doom", "hexen"], "hours": [1.5, 2.0]}
    table, text = io.BytesIO(), b'path,id,game\na.mp4,one,doom\n"b, c.mp4",,"he said ""go"""\n'
    writer.write_table(pa.table(rows), table)

    def parse(data: bytes) -> None:
        manifest.read(data, "list.parquet" if data[:3] == b"PAR" else "list.csv")

    return [table.getvalue(), text], parse


def tar(folder: Path) -> Parser:
    """NitroGen's archives, damaged before they are packed: names, sizes, kinds."""
    seed, read = targz(folder)
    return [gzip.decompress(seed[0])], lambda data: read(gzip.compress(data, 1))


def targz(folder: Path) -> Parser:
    """NitroGen's archives."""
    from playtape.recordings.formats import _nitrogen_shards as shards
    from playtape.recordings.formats import nitrogen

    root, archive = nitrogen.example(folder) / "actions", folder / "SHARD_0000.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as file:
        file.add(root, "actions")
        file.add(next(root.rglob("metadata.json")), "x" * 150 + "/y_chunk_0001/metadata.json")  # a long name's headers

    def parse(data: bytes) -> None:
        archive.write_bytes(data)
        for _ in shards.members(archive):
            pass

    return [archive.read_bytes()], parse


def wire(folder: Path) -> Parser:
    """The recorder's protocol, as its stream comes in: lengths and protobuf frames."""
    from playtape.recordings.proto import video_inference_pb2
    from playtape.serve import recap
    from playtape.serve import wire as words

    frames = [video_inference_pb2.Frame(id=n, width=4, height=2, data=bytes(range(24))) for n in (0, 2**31 - 1)]
    packed = [frame.SerializeToString() for frame in frames]

    async def talk(data: bytes) -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        while (message := await recap._message(reader, 1.0)) is not None:
            words.read_frame(message)

    loop = asyncio.new_event_loop()
    stream = b"".join(len(each).to_bytes(4, "little") + each for each in packed)
    return [stream], lambda data: loop.run_until_complete(talk(data))


def packed(folder: Path) -> Parser:
    """Our own protocol: msgpack maps with pictures, instructions and what was done."""
    import msgpack
    from PIL import Image

    from playtape.actions.games import DOOM
    from playtape.serve import packed as words

    pictures = {kind: io.BytesIO() for kind in ("png", "jpeg")}
    for kind, file in pictures.items():
        Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(file, kind)
    button, axis = DOOM.buttons[0], DOOM.axes[0].name
    said = [
        {"type": "frame", "id": 7, "width": 4, "height": 2, "data": bytes(range(24))},
        *({"type": "frame", "id": 8, kind: file.getvalue()} for kind, file in pictures.items()),
        {"type": "did", "id": 9, "buttons": [button], "axes": {axis: 1.5}},
    ]
    loop = asyncio.new_event_loop()

    def parse(data: bytes) -> None:
        found = words.unpack(msgpack, data)
        if found.get("type") == "did":
            words._did(found, DOOM)
        else:
            loop.run_until_complete(words._frame(found))

    return [msgpack.packb(each) for each in said], parse


def pickled(folder: Path) -> Parser:
    """Atari demonstrations, which others pickled; they are read as data, and nothing in them is run."""
    import pickle

    from playtape.recordings.formats._atari_files import read_demo

    path = folder / "Pong.demo"
    demo = {"actions": [0, 3, 4] * 9, "rewards": [0.0, 1.0, -1.0] * 9, "lives": np.arange(27)}

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        read_demo(path)

    return [pickle.dumps(demo, protocol) for protocol in (2, 4)], parse


def rlds(folder: Path) -> Parser:
    """Episodes of TensorFlow Datasets: a file of records, what one holds behind its checksum, and features.json."""
    from playtape.recordings.formats import _rlds_features as told
    from playtape.recordings.formats import _tfrecord as records
    from playtape.recordings.formats import rlds as episodes

    shard = episodes.find(episodes.example(folder))[0].parent
    features, whole = folder / told.FILE, records.record(shard, 0)
    seeds = [shard.read_bytes(), whole, features.read_bytes()]
    known = told.features(folder)

    def parse(data: bytes) -> None:
        if data[:1] == b"{":
            features.write_bytes(data)
            steps = episodes.Steps.of(told.features(folder), whole, "an episode")
        elif data[:3] == whole[:3]:
            steps = episodes.Steps.of(known, data, "an episode")
        else:
            shard.write_bytes(data)
            records.places(shard)
            steps = episodes.Steps.of(known, records.record(shard, 0), "an episode")
        for _ in steps.pictures(steps.camera(None))[1]:
            pass
        steps.actions()
        edges = np.arange(steps.length + 1) * 10**8
        _ = [steps.text(name, edges) for name in steps.texts()], steps.ends(steps.outcomes(), edges)

    return seeds, parse


PARSERS: dict[str, Callable[[Path], Parser]] = {
    each.__name__: each for each in (mcap, proto, parquet, metadata, manifest, tar, targz, wire, packed, pickled, rlds)
}
