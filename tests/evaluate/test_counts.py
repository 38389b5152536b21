"""Counting and the formulas over it, against numbers worked out by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.evaluate import counts, risk, scores
from playtape.evaluate.bootstrap import Bootstrap, units_of
from playtape.evaluate.rows import Pair, Rows, baselines


def pair_of(truth: str, predicted: str, probability: list[float] | None = None, dx=None, guess=None) -> Pair:
    """One button as text ("0110") and one axis."""
    held, side = (np.array([[c == "1"] for c in text]) for text in (truth, predicted))
    n = len(held)
    known = np.full((n, 1), np.nan) if probability is None else np.array(probability, np.float64)[:, None]
    x = np.zeros(n) if dx is None else np.array(dx, np.float64)
    y = np.zeros(n) if guess is None else np.array(guess, np.float64)
    time = np.arange(n + 1) * 50_000_000
    return Pair(
        "a", time, Rows(held, x[:, None], np.full((n, 1), np.nan)), Rows(side, y[:, None], known), np.ones(n, bool)
    )


def count(pair: Pair, side: Rows | None = None) -> dict[str, np.ndarray]:
    return counts.counts(pair, side or pair.predicted, np.where(pair.covered, 0, -1), 1)


def test_state_counts_and_f1() -> None:
    state = count(pair_of("01110010", "00111000"))["state"]
    assert state.tolist() == [[[2, 1, 2, 3]]]
    found = {name: value.item() for name, value in scores.button_scores(state).items()}
    assert found == pytest.approx(
        {
            "state_f1": 4 / 7,
            "precision": 2 / 3,
            "recall": 1 / 2,
            "false_positive_rate": 1 / 4,
            "prevalence": 1 / 2,
            "predicted_rate": 3 / 8,
        }
    )


def test_onsets_and_releases_at_both_collars() -> None:
    #           onsets of the truth at 1 and 6, of the prediction at 2; releases at 4 and 7, and at 5
    found = count(pair_of("01110010", "00111000"))
    assert found["onset"][0, 0].tolist() == [[0, 1, 2], [1, 0, 1]]
    assert found["release"][0, 0].tolist() == [[0, 1, 2], [1, 0, 1]]


def test_a_button_that_is_down_at_the_start_has_no_onset() -> None:
    assert count(pair_of("1100", "1111"))["onset"].sum() == 0
    assert count(pair_of("1100", "1111"))["release"][0, 0].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_matching_is_optimal_where_nearest_first_is_not() -> None:
    # Nearest first takes 10-10 and leaves 11 and 9 unmatched at collar 1; two pointers match both.
    truth, predicted = counts.match(np.array([10, 11]), np.array([9, 10]), 1)
    assert truth.all()
    assert predicted.all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), unique=True, max_size=5),
    st.lists(st.integers(0, 12), unique=True, max_size=5),
    st.integers(0, 2),
)
def test_matching_finds_as_many_pairs_as_any(truth: list[int], predicted: list[int], collar: int) -> None:
    truth, predicted = sorted(truth), sorted(predicted)
    one, other = counts.match(np.array(truth, int), np.array(predicted, int), collar)
    few, many = sorted((truth, predicted), key=len)
    best = max(
        (sum(abs(a - b) <= collar for a, b in zip(few, order)) for order in itertools.permutations(many, len(few))),
        default=0,
    )
    assert one.sum() == other.sum() == best


def test_intervals_outside_the_common_range_do_not_count() -> None:
    pair = pair_of("0110", "0111")
    found = counts.counts(pair, pair.predicted, np.array([0, 0, 0, -1]), 1)
    assert found["state"].tolist() == [[[2, 0, 0, 1]]]
    assert found["release"].sum() == 0


def test_axis_scores() -> None:
    found = scores.axis_scores(count(pair_of("0000", "0000", dx=[1, 2, 3, 6], guess=[2, 2, 4, 4]))["axes"])
    x, y = np.array([1, 2, 3, 6.0]), np.array([2, 2, 4, 4.0])
    assert found["pearson"].item() == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["r2"].item() == pytest.approx(1 - 6 / 14)
    assert found["mae"].item() == pytest.approx(1.0)
    assert found["slope"].item() == pytest.approx(42 / 50)
    assert found["signed_scale"].item() == pytest.approx(1.0)


def test_an_inverted_axis_has_a_negative_scale() -> None:
    found = scores.axis_scores(count(pair_of("000", "000", dx=[1, -2, 3], guess=[-2, 4, -6]))["axes"])
    assert found["signed_scale"].item() == pytest.approx(-2)
    assert found["pearson"].item() == pytest.approx(-1)


def test_an_axis_that_never_moves_has_no_correlation() -> None:
    found = scores.axis_scores(count(pair_of("000", "000", dx=[0, 0, 0], guess=[1, 2, 3]))["axes"])
    assert np.isnan([found["pearson"].item(), found["r2"].item(), found["slope"].item()]).all()


def test_idle_false_positives() -> None:
    pair = pair_of("010000", "001100", dx=[0, 0, 5, 0, 0, 0], guess=[0.4, 0, 0, 2, 0, 0])
    assert count(pair)["idle"].tolist() == [[4, 1, 1]]  # interval 2 moves in truth, so it is not idle; 0.4 is no count


def test_baselines() -> None:
    pair = pair_of("01110", "00000", dx=[1, 0, 0, 4, 0])
    found = baselines(pair)
    assert found["never_pressed"].buttons.sum() == 0
    assert found["copy_previous"].buttons[:, 0].tolist() == [False, False, True, True, True]
    assert found["copy_previous"].axes[:, 0].tolist() == [0, 1, 0, 0, 4]
    assert found["mean"].probability[:, 0].tolist() == pytest.approx([0.6] * 5)
    assert found["mean"].buttons.all()
    copied = count(pair, found["copy_previous"])
    assert copied["onset"][0, 0].tolist() == [[0, 1, 1], [1, 0, 0]]  # perfect at collar 1: never quote that alone


def test_average_precision() -> None:
    held, probability = np.array([1, 0, 1, 0], bool), np.array([0.9, 0.8, 0.7, 0.1])
    assert scores.average_precision(held, probability) == pytest.approx((1 + 2 / 3) / 2)
    assert scores.average_precision(held, np.full(4, 0.3)) == pytest.approx(0.5)  # the prevalence
    assert np.isnan(scores.average_precision(np.zeros(4, bool), probability))


def test_ranked_groups_give_the_exact_average_precision_of_few_values() -> None:
    generator = np.random.default_rng(0)
    probability = generator.integers(0, 50, 400) / 50
    held = generator.random(400) < probability
    ranks = counts.Histograms(held[:, None], probability[:, None], np.zeros(400, int), 1).ranks[0, 0]
    assert scores.precision_steps(ranks).item() == pytest.approx(scores.average_precision(held, probability))


def test_calibration_error_and_brier_by_hand() -> None:
    probability = np.array([0.1] * 10 + [0.8] * 10)
    held = np.array([0] * 8 + [1] * 2 + [1] * 7 + [0] * 3, bool)
    found = counts.Histograms(held[:, None], probability[:, None], np.zeros(20, int), 1)
    assert scores.expected_calibration_error(found.pooled[0]).item() == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    brier = np.mean((probability - held) ** 2)
    assert found.squares.item() / 20 == pytest.approx(brier)


def test_equal_mass_bins_hold_equal_numbers() -> None:
    probability = np.random.default_rng(1).random(3000) ** 4
    found = counts.Histograms(np.zeros((3000, 1), bool), probability[:, None], np.zeros(3000, int), 1)
    assert found.pooled[0, :, 0].tolist() == [200.0] * counts.ECE_BINS


def test_unknown_probabilities_are_left_out() -> None:
    probability = np.array([[0.5], [np.nan], [0.5]])
    found = counts.Histograms(np.array([[True], [True], [False]]), probability, np.zeros(3, int), 1)
    assert found.pooled[0, :, 0].sum() == 2


def test_risk_coverage_by_hand() -> None:
    #                 most sure first: 0.99 right, 0.9 right, 0.8 wrong, 0.6 right
    risk_ = risk.risks(np.array([1.0, 0, 0, 0]), np.array([0.8, 0.99, 0.6, 0.9]))
    assert risk_.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])
    tied = risk.risks(np.array([1.0, 0, 0, 0]), np.full(4, 0.5))
    assert tied.tolist() == pytest.approx([0.25] * 4)


def test_risk_is_split_into_idle_held_and_transition() -> None:
    pair = pair_of("001110", "001100", [0.1, 0.1, 0.9, 0.9, 0.4, 0.2])
    found = risk.risk_coverage([pair], [pair.predicted])
    assert [found[name]["intervals"] for name in ("all", "idle", "held", "transition")] == [6, 2, 2, 2]
    assert found["held"]["risk_at_0.5"] == 0
    assert found["held"]["risk_at_1.0"] == 0.5
    assert found["idle"]["aurc"] == 0


def test_one_recording_is_resampled_in_blocks_and_several_as_wholes() -> None:
    time = np.arange(0, 35_000_000_001, 100_000_000)
    known = np.ones(len(time) - 1, bool)
    unit, number, name = units_of([time], [known])
    assert (number, name, np.bincount(unit[0]).tolist()) == (4, "10 s block", [100, 100, 100, 50])
    unit, number, name = units_of([time, time], [known, ~known])
    assert (number, name, set(unit[0]), set(unit[1])) == (2, "recording", {0}, {-1})


def test_bootstrap_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(5, 2, 200)
    sums = np.stack([values, np.ones(200)], axis=1)
    bootstrap = Bootstrap.of(200, "recording", 0)
    value, low, high = bootstrap.interval(lambda s: s[..., 0] / s[..., 1], sums)
    error = values.std() / np.sqrt(200)
    assert value == pytest.approx(values.mean())
    assert [low, high] == pytest.approx([value - 1.96 * error, value + 1.96 * error], abs=0.15 * error)
    again = Bootstrap.of(200, "recording", 0).interval(lambda s: s[..., 0] / s[..., 1], sums)
    assert [float(v) for v in again] == [float(value), float(low), float(high)]


def test_onsets_are_wrong_where_they_are_kept() -> None:
    """Two presses, of which one is found, a frame late, and the other missed; and one found that was never made."""
    pair = pair_of("00110000110000000", "00011000000000110", [0.5] * 17)
    confidence = np.full(17, 0.9)
    found = risk.onset_risk([pair], [pair.predicted], [confidence])
    assert found["onsets"] == 2
    assert found["error_at_1.0"] == pytest.approx(2 / 4)
    sure = risk.onset_risk([pair], [pair.predicted], [np.where(np.arange(17) < 8, 0.9, 0.1)])
    assert sure["error_at_0.5"] == pytest.approx(0)
    nothing = risk.onset_risk([pair], [pair.predicted], [np.full(17, np.nan)])
    assert nothing["error_at_1.0"] is None
