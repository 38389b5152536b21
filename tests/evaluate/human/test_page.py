"""What the page's server answers: videos in parts, sentences for nonsense, and never who played."""

import http.client
import json
import re
import threading
from pathlib import Path

import pytest

from playtape.evaluate.human.ratings import Ratings
from tests.evaluate.human.conftest import WHO, Page, opened, rating, record

ASSETS = ("/", "/page.js", "/page.css")


def everything(page: Page) -> list[tuple[int, dict[str, str], bytes]]:
    """Whatever a rater's browser is ever sent."""
    said = [page.ask(path) for path in (*ASSETS, "/about", "/session?rater=Ann", "/session?rater=Bo")]
    for number, episode in enumerate(page.found):
        said.append(page.ask(f"/rating?rater=Ann&episode={episode.id}"))
        said.append(
            page.ask("/rating", rating(episode.id, marks=[["wall", 0.5]], state=("done", "skipped")[number % 2]))
        )
        said.append(page.ask("/rating", rating(episode.id)))  # stale
        said.append(page.ask(f"/rating?rater=Ann&episode={episode.id}"))
        said.append(page.ask(f"/video/{episode.id}"))
        said.append(page.ask(f"/video/{episode.id}", Range="bytes=0-99"))
    for pair in page.json("/session?rater=Ann")["pairs"]:
        choice = {
            "rater": "Ann",
            "left": pair["left"]["id"],
            "right": pair["right"]["id"],
            "choice": "left",
            "comment": "",
        }
        said += [page.ask("/choice", choice), page.ask("/choice", choice | {"right": "x"})]
    return [*said, page.ask("/nowhere"), page.ask("/video/x"), page.ask("/rating", b"{")]


def test_nothing_says_who_played(page: Page) -> None:
    told = everything(page)
    assert len(told) > 30
    for name in (*WHO, *(episode.path.stem for episode in page.found), str(page.found[0].path.parents[1])):
        for status, headers, body in told:
            where = f"{status} {headers}".lower()
            assert name.lower() not in where
            assert name.lower().encode() not in body.lower()


def test_what_is_told_of_an_episode(page: Page) -> None:
    shown = page.json("/session?rater=Ann")
    assert {key for one in shown["episodes"] for key in one} == {"id", "game", "seconds", "frame_s", "state"}
    assert sorted(one["id"] for one in shown["episodes"]) == sorted(one.id for one in page.found)
    assert {key for pair in shown["pairs"] for side in ("left", "right") for key in pair[side]} == {
        *("id", "game", "seconds", "frame_s")
    }


def test_the_page_needs_nothing_from_elsewhere(page: Page) -> None:
    for path in ASSETS:
        status, headers, body = page.ask(path)
        assert status == 200
        assert headers["content-type"].split(";")[0] in ("text/html", "text/javascript", "text/css")
        assert re.findall(rb"https?://|@import|url\(", body) == []
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_video_comes_whole_and_in_parts(page: Page) -> None:
    episode = page.found[0]
    data = episode.video.read_bytes()
    status, headers, body = page.ask(f"/video/{episode.id}")
    assert (status, body, headers["accept-ranges"], headers["content-type"]) == (200, data, "bytes", "video/mp4")
    status, headers, body = page.ask(f"/video/{episode.id}", Range="bytes=100-199")
    assert (status, body) == (206, data[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert page.ask(f"/video/{episode.id}", Range="bytes=-10")[::2] == (206, data[-10:])
    assert page.ask(f"/video/{episode.id}", Range=f"bytes={len(data)}-")[0] == 416
    assert page.ask(f"/video/{episode.id}", Range="lines=1-2")[0] in (200, 400)
    assert "content-disposition" not in headers  # which would be the file's name


@pytest.mark.parametrize(
    "path",
    [
        "/video/x",
        "/video/",
        "/video/..%2f..%2fetc%2fpasswd",
        "/video/../../../../etc/passwd",
        "/video/%00",
        "/..%2fratings.jsonl",
        "/ratings.jsonl",
        "/static/page.js",
        "/page.py",
        "/favicon.ico",
        "//etc/passwd",
        "/video/" + "x" * 5000,
    ],
)
def test_there_is_no_path_to_be_walked(page: Page, path: str) -> None:
    status, _, body = page.ask(path)
    assert status == 404
    assert len(body) < 60


def test_a_video_that_went_away_is_a_sentence(tmp_path: Path) -> None:
    one = record(tmp_path / "a" / "x.mcap")
    with opened(tmp_path, tmp_path / "r.jsonl") as page:
        one.with_suffix(".mp4").unlink()
        assert page.refused(f"/video/{page.found[0].id}") == (404, "there is no such video")


def test_a_rating_is_on_the_disk_when_it_is_answered(page: Page) -> None:
    episode = page.found[1].id
    sent = rating(episode, marks=[["wall", 0.25], ["jitter", 0.5]], comment="twice", state="open")
    assert page.json("/rating", sent) == {"revision": 1}
    line = json.loads(page.ratings.path.read_text().splitlines()[-1])
    assert line == {"kind": "rating", **sent}
    assert page.json(f"/rating?rater=Ann&episode={episode}") == sent
    assert page.json(f"/rating?rater=Bo&episode={episode}")["marks"] == []


def test_the_page_goes_on_where_it_was(episodes: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    with opened(episodes, out) as page:
        order = [one["id"] for one in page.json("/session?rater=Ann")["episodes"]]
        page.json("/rating", rating(order[0]))
        page.json("/rating", rating(order[1], state="open", marks=[["air", 0.1]]))
        pair = page.json("/session?rater=Ann")["pairs"][0]
        page.json(
            "/choice",
            {"rater": "Ann", "left": pair["left"]["id"], "right": pair["right"]["id"], "choice": "tie", "comment": ""},
        )
    with opened(episodes, out) as page:
        again = page.json("/session?rater=Ann")
        assert [one["id"] for one in again["episodes"]] == order
        assert [one["state"] for one in again["episodes"]] == ["done", "open", "open", "open"]
        assert [one["state"] for one in again["pairs"]] == ["done", "open"]
        assert page.json(f"/rating?rater=Ann&episode={order[1]}")["marks"] == [["air", 0.1]]
        assert page.json("/about")["raters"] == ["Ann"]


def test_an_episode_must_be_seen_before_it_is_finished(page: Page) -> None:
    episode = page.found[0].id
    status, said = page.refused("/rating", rating(episode, seen=[[0, 0.5]]))
    assert (status, said) == (400, "only 0.5 of 1.0 seconds were seen; watch it, or skip it")
    assert page.json("/rating", rating(episode, seen=[[0, 0.5]], state="skipped")) == {"revision": 1}


def test_a_rating_that_was_changed_elsewhere(page: Page) -> None:
    episode = page.found[0].id
    page.json("/rating", rating(episode))
    page.json("/rating", rating(episode))  # the answer was lost: the same again
    status, said = page.refused("/rating", rating(episode, marks=[["wall", 0.1]]))
    assert (status, said) == (409, "this rating was saved elsewhere meanwhile (revision 1)")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (b"", "this is not JSON"),
        (b"{", "this is not JSON"),
        (b"[" * 100_000, "this is not JSON"),
        (b'{"a": NaN}', "this is not JSON"),
        (b"\xff\xfe", "this is not JSON"),
        ([], "legal is an object of"),
        ({"wall": -1}, "legal is an object of"),
        (rating("ID", marks=[["wall", -1]]), "a mark's time is -1"),
        (rating("ID", marks=-1), "marks must be a list"),
        (rating("ID", revision="1"), "revision is '1'"),
        (rating("ID", rater="\u202e"), "the rater's name"),
        (rating("ID", rater=None), "the rater's name"),
        (rating("ID", state="done", seen=[]), "only 0.0 of 1.0 seconds"),
    ],
)
def test_nonsense_is_a_sentence_and_changes_nothing(page: Page, message: object, sentence: str) -> None:
    if isinstance(message, dict) and "episode" in message:
        message = message | {"episode": page.found[0].id}
    before = page.ratings.path.read_bytes()
    status, said = page.refused("/rating", message)
    assert status == 400
    assert sentence in said
    assert page.ratings.path.read_bytes() == before


def test_what_nobody_was_shown_is_unknown(page: Page) -> None:
    assert page.refused("/rating", rating("0" * 20)) == (404, "there is no such episode")
    assert page.refused("/rating?rater=Ann&episode=x")[0] == 404
    assert page.refused("/rating?rater=Ann")[0] == 404
    assert page.refused("/session")[0] == 400
    pair = page.json("/session?rater=Ann")["pairs"][0]
    left, right = pair["left"]["id"], pair["right"]["id"]
    said = {"rater": "Ann", "left": left, "right": right, "choice": "left", "comment": ""}
    for wrong in ({"left": right, "right": left}, {"left": "x"}, {"left": page.found[0].id, "right": page.found[1].id}):
        assert page.refused("/choice", said | wrong)[0] == 404
    assert page.refused("/choice", said | {"choice": "both"})[0] == 400
    assert page.json("/choice", said) == {"saved": True}


def test_other_methods_are_refused(page: Page) -> None:
    for path in (*ASSETS, "/about", f"/video/{page.found[0].id}"):
        assert page.ask(path, {}, method="POST")[0] == 405
        assert page.ask(path, {}, method="DELETE")[0] == 405
    assert page.ask("/choice")[0] == 405


def test_two_raters_at_once(page: Page) -> None:
    """Forty saves each, side by side: all of both arrive."""
    episode, failed = page.found[0].id, []

    def rate(name: str) -> None:
        for revision in range(1, 41):
            marks = [["wall", 0.1]] * revision
            status, _, body = page.ask("/rating", rating(episode, revision, rater=name, marks=marks, state="open"))
            if status != 200:
                failed.append(body)

    threads = [threading.Thread(target=rate, args=(name,)) for name in ("Ann", "Bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    found = Ratings(page.ratings.path)
    assert {rater: len(one.marks) for (rater, _), one in found.ratings.items()} == {"Ann": 40, "Bo": 40}
    assert found.lost == 0


def test_a_disk_that_is_full_is_told_and_tried_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(line: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(page.ratings, "_append", full)
        assert page.refused("/rating", rating(page.found[0].id)) == (
            507,
            "it could not be saved: No space left on device",
        )
    assert page.json("/rating", rating(page.found[0].id)) == {"revision": 1}


def test_one_player_alone_is_rated_but_not_compared(tmp_path: Path) -> None:
    for number in (1, 2):
        record(tmp_path / "a" / f"{number}.mcap")
    with opened(tmp_path, tmp_path / "r.jsonl") as page:
        about = page.json("/about")
        assert (about["pairs"], about["no_pairs"]) == (
            0,
            "All episodes are by one player, so there is nobody to compare.",
        )
        assert page.json("/session?rater=Ann")["pairs"] == []


def test_what_cannot_be_shown_is_counted(tmp_path: Path) -> None:
    record(tmp_path / "a" / "x.mcap")
    record(tmp_path / "b" / "y.mcap").with_suffix(".mp4").unlink()
    with opened(tmp_path, tmp_path / "r.jsonl") as page:
        assert (page.json("/about")["left_out"], page.json("/about")["episodes"]) == (1, 1)


def test_raters_see_other_orders(page: Page) -> None:
    orders = {tuple(one["id"] for one in page.json(f"/session?rater=R{k}")["episodes"]) for k in range(12)}
    assert len(orders) > 6


def test_it_is_not_served_elsewhere(page: Page) -> None:
    connection = http.client.HTTPConnection(page.host, timeout=20)
    connection.request("GET", "/about", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 421
    connection.close()
