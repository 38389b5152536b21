"""D2E's event tokens (arXiv 2510.05684, section 3): what hands and screens do as a line of words, and back, without loss.

An event is `<EVENT_START> KIND t t t ... <EVENT_END>`; its time is a count of ticks of 10 ms that goes round after 10 s (16 s in
the hierarchical scheme), as digits, most significant first. Words are numbered as the published tokenizer has them: the added
names in code-point order, and here behind them the three of a picture and the padding. Which number a checkpoint gives to each
is its own business.

`published` takes and makes what the published program does, faults included: any digit stands in any digit's place (a thousands
digit of 9 decodes to 9000 and more), motion beyond the range is cut, a wheel's fraction is rounded down, and minus zero is a
number. Without it a line and its strokes are a bijection, and what cannot be said exactly is a BadInput. Knows no game, no frame
rate and no model.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from playtape.actions.strokes import HWHEEL, KEYBOARD, MOUSE, NOTCH, SCREEN, STROKE, WHEEL, Stroke
from playtape.errors import BadInput, within

_KINDS = ("<KEYBOARD>", "<MOUSE>", "<SCREEN>")
_START, _END = "<EVENT_START>", "<EVENT_END>"
PICTURE = ("<img>", "</img>", "<IMG_CONTEXT>")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Codec:
    """Words of one scheme. `image` is how many tokens a picture has."""

    scheme: Literal["factorized", "hierarchical"] = "factorized"
    image: int = 256
    published: bool = False

    def __post_init__(self) -> None:
        if self.scheme not in ("factorized", "hierarchical"):
            raise BadInput(f"scheme is {self.scheme!r}; legal are factorized and hierarchical")
        within("image", self.image, 1, 65_536, whole=True)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The words that are added to a language model's own, in their order."""
        words = [_START, _END, *_KINDS, "<press>", "<release>"]
        if self.scheme == "factorized":
            words += [
                "<SIGN_PLUS>",
                "<SIGN_MINUS>",
                *(f"<VK_{k}>" for k in range(256)),
                *(f"<MB_{k}>" for k in range(16)),
            ]
        words += [f"<{k}>" for k in range(10 if self.scheme == "factorized" else 256)]
        return tuple(sorted(words))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every word that a line may have, by number: `names`, a picture's three, and the padding."""
        return (*self.names, *PICTURE, "<pad>")

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.words)}

    @property
    def start(self) -> int:
        return self.numbers[_START]

    @property
    def end(self) -> int:
        return self.numbers[_END]

    @property
    def screen(self) -> int:
        return self.numbers["<SCREEN>"]

    @property
    def mouse(self) -> int:
        return self.numbers["<MOUSE>"]

    @property
    def picture(self) -> int:
        """The word that a picture's own tokens stand for."""
        return self.numbers["<IMG_CONTEXT>"]

    @property
    def signs(self) -> tuple[int, ...]:
        return tuple(self.numbers[name] for name in ("<SIGN_PLUS>", "<SIGN_MINUS>") if name in self.numbers)

    @property
    def pad(self) -> int:
        return len(self.words) - 1

    @property
    def turn(self) -> int:
        """Ticks after which times begin again."""
        return int(np.prod(self._time))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The number that each word says; a sign says 1 or -1, and what is no number 0."""
        return np.array(self._value, np.float64)

    @cached_property
    def digit_places(self) -> dict[int, tuple[int, int]]:
        """Where motion stands in a mouse event: place -> axis (0 or 1), and what its word counts; a sign counts 1."""
        if self.scheme == "hierarchical":
            return {5 + 2 * k + axis: (axis, worth) for k, worth in enumerate((2000, 100, 10, 1)) for axis in (0, 1)}
        return {5 + 5 * axis + k: (axis, worth) for axis in (0, 1) for k, worth in enumerate((1, 1000, 100, 10, 1))}

    @property
    def longest(self) -> int:
        """Tokens of the longest event that is no screen."""
        return len(self._slots[self.mouse]) + 2 + 3

    # ---- to tokens

    def encode(self, strokes: NDArray) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Rows of STROKE to the words of one line, and for each word the row it is of. Raises BadInput for what has no words."""
        strokes = np.asarray(strokes, STROKE)
        self._check(strokes)
        rows = np.zeros((len(strokes), max(self.longest, 8 + self.image)), np.int64)
        length = np.full(len(strokes), 8)
        rows[:, 0] = self.start
        rows[:, 1] = np.array([self.numbers[kind] for kind in _KINDS])[strokes["kind"]]
        rows[:, 2:5] = self._digit[_digits(strokes["tick"] % self.turn, self._time)]
        key, mouse, screen = (strokes["kind"] == kind for kind in (KEYBOARD, MOUSE, SCREEN))
        rows[key, 5] = self._vk[strokes["vk"][key]]
        rows[key, 6] = np.where(strokes["down"][key], self.numbers["<press>"], self.numbers["<release>"])
        rows[screen, 5] = self.numbers["<img>"]
        rows[screen, 6 : 6 + self.image] = self.picture
        rows[screen, 6 + self.image] = self.numbers["</img>"]
        length[screen] = 8 + self.image
        moved = self._moved(strokes[mouse])
        rows[mouse, 5 : 5 + moved.shape[1]] = moved
        wheel = self._wheel(strokes["wheel"][mouse])
        rows[mouse, 5 + moved.shape[1] : 7 + moved.shape[1]] = wheel
        length[mouse] = 6 + moved.shape[1] + 2 * (strokes["wheel"][mouse] != 0)
        rows[np.arange(len(rows)), length - 1] = self.end
        return rows[np.arange(rows.shape[1]) < length[:, None]], np.repeat(np.arange(len(rows)), length)

    def spell(self, stroke: Stroke) -> list[int]:
        """The words of one event."""
        return self.encode(np.array([stroke], STROKE))[0].tolist()

    def _moved(self, strokes: NDArray) -> NDArray[np.int64]:
        dx, dy = (np.clip(strokes[axis], *self._range) for axis in ("dx", "dy"))
        flags = self._mb[_digits(strokes["flags"].astype(np.int64), (16, 16, 16))]
        if self.scheme == "hierarchical":
            both = np.stack(
                [_digits(axis % 4000, self._delta) for axis in (dx, dy)], -1
            )  # digits by turns: dx, dy, dx, dy, ...
            return np.concatenate([self._digit[both.reshape(len(strokes), 8)], flags], 1)
        parts = [np.column_stack([self._sign(axis), self._digit[_digits(abs(axis), self._delta)]]) for axis in (dx, dy)]
        return np.concatenate([*parts, flags], 1)

    def _wheel(self, wheel: NDArray) -> NDArray[np.int64]:
        notches = wheel.astype(np.int64) // NOTCH  # rounds down, which only the published mode lets a fraction come to
        if self.scheme == "hierarchical":
            return self._digit[_digits(notches % 20, (2, 10))]
        return np.column_stack([self._sign(notches), self._digit[abs(notches)]])

    def _sign(self, values: NDArray) -> NDArray[np.int64]:
        return np.where(values < 0, self.numbers.get("<SIGN_MINUS>", 0), self.numbers.get("<SIGN_PLUS>", 0))

    def _check(self, strokes: NDArray) -> None:
        mouse = strokes[strokes["kind"] == MOUSE]
        notches = mouse["wheel"] / NOTCH
        low, high = self._range
        beyond = (np.minimum(mouse["dx"], mouse["dy"]) < low) | (np.maximum(mouse["dx"], mouse["dy"]) > high)
        least = -10 if self.scheme == "hierarchical" else -9
        for wrong, what in (
            (strokes["tick"] < 0, "times must be 0 or more"),
            ((strokes["kind"] < KEYBOARD) | (strokes["kind"] > SCREEN), "a stroke's kind is 0, 1 or 2"),
            ((strokes["vk"] < 0) | (strokes["vk"] > 255), "a virtual key is 0 to 255"),
            ((mouse["flags"] < 0) | (mouse["flags"] > 0xFFF), "a mouse event's flags are 0 to 0xFFF"),
            ((np.floor(notches) < least) | (np.floor(notches) > 9), f"a wheel turns {least} to 9 notches an event"),
        ):
            if wrong.any():
                raise BadInput(f"event {int(np.flatnonzero(wrong)[0])} has no words: {what}")
        if self.published:
            if beyond.any():
                warnings.warn(f"{int(beyond.sum())} motions beyond {low} to {high} counts are cut", stacklevel=3)
            return
        turned = (mouse["flags"] & (WHEEL | HWHEEL)) != 0
        for wrong, what in (
            (beyond, f"an event moves by {low} to {high} counts"),
            (mouse["wheel"] % NOTCH != 0, f"a wheel turns by whole notches, {NOTCH} each"),
            (turned != (mouse["wheel"] != 0), "a wheel turns if and only if its flag says so"),
        ):
            if wrong.any():
                raise BadInput(f"mouse event {int(np.flatnonzero(wrong)[0])} has no words: {what}")

    # ---- and back

    def decode(self, line: Sequence[int] | NDArray) -> NDArray:
        """A line to rows of STROKE. Times that go back have gone round. Raises BadInput at the first word that may not stand."""
        words, rows, last = [int(word) for word in line], [], 0
        at = 0
        while at < len(words):
            stop = at + 1
            while stop < len(words) and words[stop - 1] != self.end:
                stop += 1
            stroke = self.read(words[at:stop], last)
            if stroke is None:
                fault = next((i for i in range(at, stop) if not self._stands(words[at:i], words[i])), stop)
                found = self.words[words[fault]] if fault < len(words) and words[fault] < len(self.words) else "the end"
                raise BadInput(f"word {fault} of this line is {found}, which cannot stand there")
            rows.append(stroke)
            last, at = stroke.tick, stop
        return np.array(rows, STROKE)

    def read(self, words: Sequence[int], last: int = 0) -> Stroke | None:
        """One whole event, not before tick `last`; None if these words are none."""
        whole = words and words[-1] == self.end
        if not whole or not all(self._stands(words[:i], word) for i, word in enumerate(words)):
            return None
        tick = self.tick(words[2:5], last)
        if words[1] == self.numbers["<KEYBOARD>"]:
            return Stroke(tick, KEYBOARD, self._value[words[5]], words[6] == self.numbers["<press>"])
        if words[1] == self.screen:
            return Stroke(tick, SCREEN)
        values = [self._value[word] for word in words[5:-1]]
        if self.scheme == "hierarchical":
            dx, dy = (_signed(_number(values[k:8:2], self._delta), 4000) for k in (0, 1))
            rest = values[8:]
            wheel = _signed(_number(rest[3:], (2, 10)), 20) if len(rest) > 3 else 0
        else:
            dx, dy = (values[k] * _number(values[k + 1 : k + 5], (10,) * 4) for k in (0, 5))
            rest = values[10:]
            wheel = rest[3] * rest[4] if len(rest) > 3 else 0
        return Stroke(tick, MOUSE, 0, False, dx, dy, _number(rest[:3], (16,) * 3), wheel * NOTCH)

    def tick(self, digits: Sequence[int], last: int) -> int:
        """The first tick from `last` on that these three words say."""
        return last + (_number([self._value[word] for word in digits], self._time) - last) % self.turn

    def _stands(self, before: Sequence[int], word: int) -> bool:
        return 0 <= word < len(self.words) and bool(self.legal(before)[word])

    def legal(self, before: Sequence[int]) -> Mask:
        """bool [words]: what may come next in an event that begins with the words `before`. None may, where that is no event."""
        if len(before) < 2:
            return self._of(_KINDS) if before else self._of((_START,))
        slots = self._slots.get(before[1], ())
        place = len(before) - 2
        if place < len(slots):
            return self._without_minus_zero(slots[place], before, place)
        if before[1] != self.mouse or before[-1] == self.end:
            return self._of(())
        return self._tail(before, place - len(slots))

    def timely(self, before: Sequence[int], last: int, limit: int) -> Mask:
        """bool [words]: of the three words of a time, what may come next if it is to be from `last` to `limit`."""
        so_far, found = [self._value[word] for word in before[2:]], np.zeros(len(self.words), bool)
        digits = _digits(np.arange(last, limit + 1) % self.turn, self._time)
        found[self._digit[digits[(digits[:, : len(so_far)] == so_far).all(1), len(so_far)]]] = True
        return found

    def _tail(self, before: Sequence[int], place: int) -> Mask:
        """What may follow a mouse event's flags: its end, or a wheel's two words and then its end."""
        first = ("<0>", "<1>") if self.scheme == "hierarchical" else ("<SIGN_PLUS>", "<SIGN_MINUS>")
        if place == 0:
            if self.published:
                return self._of((_END, *first))
            turned = self._value[before[-3]] & (WHEEL | HWHEEL) >> 8
            return self._of(first) if turned else self._of((_END,))
        if place == 1:  # no wheel turns by nothing
            least = 1 if not self.published and before[-1] != self.numbers["<1>"] else 0
            return self._of([f"<{k}>" for k in range(least, 10)])
        return self._of((_END,))

    def _without_minus_zero(self, mask: Mask, before: Sequence[int], place: int) -> Mask:
        last = self.scheme == "factorized" and before[1] == self.mouse and place in (7, 12)
        zero = self.numbers["<0>"]
        if self.published or not last or list(before[-4:]) != [self.numbers["<SIGN_MINUS>"], zero, zero, zero]:
            return mask
        mask = mask.copy()
        mask[zero] = False
        return mask

    @cached_property
    def _slots(self) -> dict[int, tuple[Mask, ...]]:
        """What may stand where, behind each kind's word; a mouse's wheel and end are left out."""
        lax = self.published and self.scheme == "factorized"
        time, delta = (
            tuple(self._of([f"<{k}>" for k in range(10 if lax else base)]) for base in bases)
            for bases in (self._time, self._delta)
        )
        end = self._of((_END,))
        key, flag = (
            self._of([f"<{self._prefix[k]}{value}>" for value in range(count)]) for k, count in ((0, 256), (1, 16))
        )
        if self.scheme == "factorized":
            sign = self._of(("<SIGN_PLUS>", "<SIGN_MINUS>"))
            moved = (sign, *delta, sign, *delta)
        else:
            moved = tuple(mask for mask in delta for _ in range(2))
        picture = (self._of(("<img>",)), *[self._of(("<IMG_CONTEXT>",))] * self.image, self._of(("</img>",)))
        return {
            self.numbers["<KEYBOARD>"]: (*time, key, self._of(("<press>", "<release>")), end),
            self.mouse: (*time, *moved, flag, flag, flag),
            self.screen: (*time, *picture, end),
        }

    def _of(self, words: Sequence[str]) -> Mask:
        mask = np.zeros(len(self.words), bool)
        mask[[self.numbers[word] for word in words]] = True
        return mask

    @property
    def _time(self) -> tuple[int, ...]:
        return (10, 10, 10) if self.scheme == "factorized" else (16, 10, 10)

    @property
    def _delta(self) -> tuple[int, ...]:
        return (2, 10, 10, 10) if self.scheme == "factorized" else (2, 20, 10, 10)

    @property
    def _range(self) -> tuple[int, int]:
        return (-1999, 1999) if self.scheme == "factorized" else (-2000, 1999)

    @property
    def _prefix(self) -> tuple[str, str]:
        """What stands before a number that is a key, and one that is flags."""
        return ("VK_", "MB_") if self.scheme == "factorized" else ("", "")

    @cached_property
    def _digit(self) -> NDArray[np.int64]:
        """Value -> the word `<value>`."""
        return np.array([self.numbers[f"<{k}>"] for k in range(10 if self.scheme == "factorized" else 256)])

    @cached_property
    def _vk(self) -> NDArray[np.int64]:
        return np.array([self.numbers[f"<{self._prefix[0]}{k}>"] for k in range(256)])

    @cached_property
    def _mb(self) -> NDArray[np.int64]:
        return np.array([self.numbers[f"<{self._prefix[1]}{k}>"] for k in range(16)])

    @cached_property
    def _value(self) -> list[int]:
        """Word -> the number that it says; a sign is 1 or -1."""
        value = [0] * len(self.words)
        for words in (self._digit, self._vk, self._mb):
            for k, word in enumerate(words.tolist()):
                value[word] = k
        for name, sign in (("<SIGN_PLUS>", 1), ("<SIGN_MINUS>", -1)):
            if name in self.numbers:
                value[self.numbers[name]] = sign
        return value


def _digits(values: NDArray, bases: Sequence[int]) -> NDArray[np.int64]:
    """int [n] of 0 or more to digits [n, len(bases)], most significant first."""
    columns, rest = [], np.asarray(values, np.int64)
    for base in reversed(bases):
        columns.append(rest % base)
        rest = rest // base
    return np.stack(columns[::-1], -1)


def _number(digits: Sequence[int], bases: Sequence[int]) -> int:
    number = 0
    for digit, base in zip(digits, bases, strict=True):
        number = number * base + digit
    return number


def _signed(value: int, count: int) -> int:
    """Two's complement to a number."""
    return value - count if value >= count // 2 else value
