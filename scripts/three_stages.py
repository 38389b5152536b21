"""Few labels, much video: the three-stage recipe of Pixels2Play (arXiv 2601.04575), and what it is to be judged by.

    python scripts/three_stages.py simple_fps data/fps --out runs/three/fps-0 --share 0.1 --seed 0

Takes a folder of recordings, forgets the inputs of all but a share of them, and then
 1. trains an inverse dynamics model on the share that is labelled;
 2. labels the videos of the rest with it;
 3. trains a policy on both ("pseudo"): most of its steps on everything, the last ones on the labelled share alone.
Beside it, with as many steps: a policy trained on the share alone ("few"), and one on all true inputs ("all"). All three
play the maps that are kept for testing, with the same seeds, beside the scripted player and chance. Every stage is a
`playtape` command that is printed as it starts; one whose result is there already is left out, so that a run that was
cut off goes on. Writes result.json into --out.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playtape.envs import find_env
from playtape.errors import BadInput
from playtape.evaluate import evaluate_actions
from playtape.label import label_video
from playtape.recordings import find_recordings, save_recording
from playtape.training import checkpoint

PLAYERS = ("scripted", "random")


def playtape(*words: object) -> dict[str, Any]:
    """One command; gives its result."""
    command = [*map(str, words), "--json"]
    print(f"$ playtape {shlex.join(command)}"[:300], flush=True)
    done = subprocess.run([sys.executable, "-m", "playtape", *command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def train(recipe: str, data: list[Path], out: Path, steps: int, *flags: object) -> None:
    """A run, begun or gone on with; nothing if it is done."""
    if (out / "train.json").exists():
        return
    begun = (out / "run.json").exists()
    words = ("--resume", out) if begun else (recipe, *data, "--out", out, "--steps", steps, *flags)
    started = time.monotonic()
    playtape("train", *words)
    about = {"seconds": round(time.monotonic() - started), "resumed": begun}
    (out / "took.json").write_text(json.dumps(about))


def label(model: Path, recordings: list[Path], out: Path) -> list[Path]:
    """Recordings of the same videos with inputs as the model sees them. The true inputs are not looked at."""
    loaded, labelled = checkpoint.load(model), []
    for path in recordings:
        target = out / path.name
        if not target.exists():
            out.mkdir(parents=True, exist_ok=True)
            try:
                save_recording(label_video(path.with_suffix(".mp4"), loaded, progress=False), target)
            except BadInput as error:  # too short to judge
                print(f"left out: {error}", flush=True)
                continue
        labelled.append(target)
    return labelled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.1, help="of the recordings that keep their inputs")
    parser.add_argument("--recordings", type=int, help="of the folder, this many; all without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--idm", default="idm", help="recipe of the inverse dynamics model")
    parser.add_argument("--idm-steps", type=int, default=1500)
    parser.add_argument("--idm-flags", type=shlex.split, default=[], help="of its training, in one word")
    parser.add_argument("--policy", default="p2p-tiny", help="recipe of the policies")
    parser.add_argument("--steps", type=int, default=3000, help="of each policy")
    parser.add_argument("--fine", type=float, default=0.15, help="share of the steps on the labelled recordings alone")
    parser.add_argument("--episodes", type=int, default=24)
    parser.add_argument("--max-steps", type=int, default=10**6, help="of an episode")
    parser.add_argument("--play-seed", type=int, default=100_000)
    parser.add_argument("--scenario", default="test")
    asked, policy_flags = parser.parse_known_args()  # what is unknown here is a flag of the policy's training
    out, seed = asked.out, asked.seed

    every = find_recordings(asked.data)
    taken = len(every) if asked.recordings is None else asked.recordings
    if not 0 < asked.share <= 1 or not 2 <= taken <= len(every):
        raise BadInput(
            f"--recordings {taken} with --share {asked.share} of {len(every)}; legal are 2 or more, and above 0 to 1"
        )
    if not hasattr(find_env(asked.game), "ScriptedPlayer"):  # before hours of training
        raise BadInput(f"the game {asked.game} has no scripted player to compare with")
    order = random.Random(seed).sample(every, taken)
    every = sorted(order)
    count = max(2, round(asked.share * len(every)))
    few, rest = sorted(order[:count]), sorted(order[count:])
    print(f"{len(few)} recordings keep their inputs, {len(rest)} are video only", flush=True)

    train(asked.idm, few, out / "idm", asked.idm_steps, "--data.fps", 20, "--seed", seed, *asked.idm_flags)
    labelled = label(out / "idm", rest, out / "labelled")
    judged = evaluate_actions(asked.data, out / "labelled", seed=0)["honest"]

    flags = (*policy_flags, "--seed", seed)
    fine = round(asked.fine * asked.steps)
    train(asked.policy, every, out / "all", asked.steps, *flags)
    train(asked.policy, few, out / "few", asked.steps, *flags)
    train(asked.policy, [*few, *labelled], out / "pre", asked.steps - fine, *flags)
    train(
        asked.policy, few, out / "pseudo", fine, *flags,
        *("--init", out / "pre", "--optimiser.lr", 2e-4, "--optimiser.warmup", 20),
    )  # fmt: skip
    game = f"{asked.game}:{asked.scenario}"
    how = ("--episodes", asked.episodes, "--seed", asked.play_seed, "--max-steps", asked.max_steps)
    who = {name: name for name in PLAYERS} | {name: out / name for name in ("all", "few", "pre", "pseudo")}
    result = {
        "game": game,
        "seed": seed,
        "command": shlex.join(sys.argv),
        "labelled": [path.stem for path in few],
        "seconds": {run.parent.name: json.loads(run.read_text()) for run in sorted(out.glob("*/took.json"))},
        "labels": {
            "state_f1": {name: block["state_f1"]["value"] for name, block in judged["buttons"].items()},
            "pearson": {name: block["pearson"]["value"] for name, block in judged["axes"].items()},
        },
        "play": {name: played(player, game, how, out / f"played-{name}.json") for name, player in who.items()},
    }
    (out / "result.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result["play"]))


def played(player: object, game: str, how: tuple[object, ...], kept: Path) -> dict[str, Any]:
    """The scores of a player, which are kept in a file: an interrupted script goes on."""
    if not kept.exists():
        found = playtape("play", player, game, *how)
        kept.write_text(json.dumps({key: found[key] for key in ("score_mean", "score_interval", "scores")}))
    return json.loads(kept.read_text())


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:
        print(f"three_stages.py: {error}", file=sys.stderr)
        sys.exit(2)
    except subprocess.CalledProcessError as failed:  # which has said why
        sys.exit(failed.returncode)
