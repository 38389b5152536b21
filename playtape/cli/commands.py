"""The commands: a frozen dataclass each. Its fields are the flags, `run` calls the room that does the work (imported there, so
that `playtape --help` is quick), `text` says in a few lines what came out.
"""

from playtape.cli.adapting import Adapt
from playtape.cli.annotating import Annotate
from playtape.cli.auditing import Audit
from playtape.cli.causality import EvaluateCausality
from playtape.cli.checking import Check, Teach
from playtape.cli.command import Command, Lasting
from playtape.cli.policies import EvaluatePolicy, EvaluateScaling, ImportWeights, Play, Serve, Sweep, Train
from playtape.cli.rating import EvaluateHuman
from playtape.cli.recordings import Convert, Demo, EvaluateActions, Example, Info, Label, Repair, View
from playtape.cli.worlds import EvaluateVideo, Predict

COMMANDS: dict[str, type[Command | Lasting]] = {
    "label": Label,
    "info": Info,
    "evaluate actions": EvaluateActions,
    "evaluate policy": EvaluatePolicy,
    "evaluate scaling": EvaluateScaling,
    "evaluate human": EvaluateHuman,
    "evaluate causality": EvaluateCausality,
    "evaluate video": EvaluateVideo,
    "convert": Convert,
    "check": Check,
    "audit": Audit,
    "teach": Teach,
    "annotate": Annotate,
    "train": Train,
    "sweep": Sweep,
    "adapt": Adapt,
    "import-weights": ImportWeights,
    "play": Play,
    "predict": Predict,
    "serve": Serve,
    "repair": Repair,
    "view": View,
    "demo": Demo,
    "example": Example,
}
