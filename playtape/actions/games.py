"""Action spaces of games that we know. A game that is not here needs no code: its keys are flags."""

from playtape.actions.space import ActionSpace, Axis

# Doom's own input a tic is forward, side, turn and buttons; formats/doom_demo.py says how they become these. Vanilla Doom
# turns 8 binary angles (65536 = 360 degrees) a mouse count, so 100 counts are 4.4 degrees: a brisk turn at 35 Hz.
DOOM = ActionSpace(
    buttons=(
        "key.w",
        "key.s",
        "key.a",
        "key.d",
        "key.shift",  # run
        "key.space",  # use
        "mouse.left",  # fire
        "key.1",
        "key.2",
        "key.3",
        "key.4",
        "key.5",
        "key.6",
        "key.7",
    ),
    axes=(Axis("mouse.dx", "sum", 100.0),),
)
