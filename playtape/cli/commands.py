"""The commands: a frozen dataclass each. Its fields are the flags, `run` calls the room that does the work (imported there, so
that `playtape --help` is quick), `text` says in a few lines what came out.
"""

from playtape.cli.annotating import Annotate
from playtape.cli.command import Command, Lasting
from playtape.cli.policies import EvaluatePolicy, ImportWeights, Play, Serve, Train
from playtape.cli.recordings import Convert, Demo, EvaluateActions, Info, Label, Repair, View

COMMANDS: dict[str, type[Command | Lasting]] = {
    "label": Label,
    "info": Info,
    "evaluate actions": EvaluateActions,
    "evaluate policy": EvaluatePolicy,
    "convert": Convert,
    "annotate": Annotate,
    "train": Train,
    "import-weights": ImportWeights,
    "play": Play,
    "serve": Serve,
    "repair": Repair,
    "view": View,
    "demo": Demo,
}
