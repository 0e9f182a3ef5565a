"""What Canny and Fider export, as posts."""

from __future__ import annotations

import csv
import io
from typing import Any, get_args

import pytest

from slipway.feedback.imported import Source
from slipway.feedback.posts import FIDER, Post, read
from slipway.fields import TAGS
from slipway.problems import Invalid, Malformed

HEAD = (
    *("number", "title", "description", "created_at", "created_by", "votes_count", "comments_count", "status"),
    *("responded_by", "responded_at", "response", "original_number", "original_title", "tags"),
)
WRITTEN = ("10", "Go is fast", "Tiny", "2026-03-23T19:33:22Z", "Aya", "4", "2", "completed", "Bo", "2026-04-04", "Yes!")


def a_file(*rows: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def posts(source: Source, *rows: tuple[str, ...]) -> list[Post]:
    found = [*read(source, a_file(*rows))]
    assert [line.faults for line in found] == [()] * len(found)
    return [line.value for line in found]


def one(source: Source, **cells: str) -> Post:
    (post,) = posts(source, tuple(cells), tuple(cells.values()))
    return post


def test_what_fider_exports() -> None:
    plain, answered, merged = posts(
        "fider",
        HEAD,
        ("7", "Dark mode", "", "2026-01-12T01:46:59Z", "Aya", "0", "0", "open", "", "", "", "", "", ""),
        (*WRITTEN, "", "", "easy, Ships Soon"),
        (
            "20",
            "Go is easy",
            "",
            "2026-01-12T01:46:59Z",
            "Aya",
            "1",
            "0",
            "duplicate",
            "Bo",
            "2026-03-17T10:15:42Z",
            "",
            "99",
            "Go",
            "",
        ),
    )
    assert plain == Post("Dark mode", reference="7", created="2026-01-12T01:46:59Z")
    assert answered == Post(
        "Go is fast",
        text="Tiny",
        status="shipped",
        reference="10",
        created="2026-03-23T19:33:22Z",
        votes=4,
        tags=("easy", "ships-soon"),
        reply="Yes!",
    )
    assert (merged.status, merged.remarks) == ("declined", ("A duplicate in Fider, of #99: Go",))


def test_what_fider_exported_some_years_ago() -> None:
    post = one("fider", number="1", title="Go", total_votes="4", total_comments="2", status="Started")
    assert (post.votes, post.status) == (4, "in_progress")


@pytest.mark.parametrize(
    "head",
    [
        ("Title", "Details", "Status", "Score", "Tags", "Category", "Author Email", "URL", "Created"),
        ("title", "details", "status", "votes", "tags", "category", "authorEmail", "id", "createdAt"),
        ("Post title", "Post details", "Post status", "Vote count", "Tag", "category", "email", "Post URL", "Date created"),
    ],
)
def test_what_canny_exports_in_the_words_of_whatever_page(head: tuple[str, ...]) -> None:
    cells = ("Dark mode", "Please", "Under Review", "12", "ui; Night", "Web", "ada@example.com", "https://a.b/1", "2026-01-01")
    (post,) = posts("canny", ("Owner", *head, "MRR"), ("Bo", *cells, "100"))
    assert post == Post(
        "Dark mode",
        text="Please",
        status="under_review",
        reference="https://a.b/1",
        created="2026-01-01",
        votes=12,
        tags=("night", "ui", "web"),
        email="ada@example.com",
    )


def test_comments_are_remarks_and_their_number_is_none() -> None:
    assert one("canny", title="A", comments="12").remarks == ()
    assert one("canny", title="A", comments="Ada: me too").remarks == ("Ada: me too",)


def test_what_does_not_map_is_told() -> None:
    many = ",".join(f"tag {number}" for number in range(TAGS + 3))
    post = one("canny", title="A", status="Parked", tags=f"日本語,Ärger,--,{many}")
    assert post.status == "new"
    assert len(post.tags) == TAGS
    assert "arger" in post.tags
    assert post.told == ("its status is not one of ours: it comes in as new", "6 of its tags cannot be kept")


@pytest.mark.parametrize("votes", ["many", "-1", "1.5", "9" * 10, "٣"])
def test_a_number_of_votes_is_a_number(votes: str) -> None:
    (line,) = read("fider", a_file(("title", "votes_count"), ("A", votes)))
    assert [(fault.pointer, fault.code) for fault in line.faults] == [("/votes", "type")]


@pytest.mark.parametrize("body", [b"", b"\n", "titel\nA\n".encode("utf-16")])
def test_a_file_of_something_else_is_refused(body: bytes) -> None:
    for source in get_args(Source):
        with pytest.raises(Malformed):
            [*read(source, body)]


def test_columns_of_something_else_are_refused() -> None:
    for source in get_args(Source):
        with pytest.raises(Invalid):
            [*read(source, b"Name,Beschreibung\nA,b\n")]


def test_of_columns_that_mean_the_same_the_first_counts() -> None:
    (post,) = posts("canny", ("title", "Post Title", "votes", "score"), ("A", "B", "1", "2"))
    assert (post.title, post.votes) == ("A", 1)


def test_every_column_of_fider_that_means_something_is_one_of_its_export() -> None:
    assert set(FIDER) - {"total_votes"} <= set(HEAD)


def test_lines_that_cannot_be_read_are_told_by_their_number() -> None:
    found: list[Any] = [*read("fider", b'title,tags\nA,"x\ny"\nB\nC,z\n')]
    assert [(line.number, bool(line.faults)) for line in found] == [(2, False), (4, True), (5, False)]
