import pytest

from slug.slugify import slugify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello World", "hello-world"),
        ("  many   spaces ", "many-spaces"),
        ("Crème Brûlée", "creme-brulee"),
        ("100% sure!", "100-sure"),
        ("", ""),
    ],
)
def test_slugify(text, expected):
    assert slugify(text) == expected


def test_separator():
    assert slugify("a b c", separator="_") == "a_b_c"


def test_limit_cuts_at_words():
    assert slugify("one two three", limit=8) == "one-two"


def test_limit_cuts_a_long_word():
    assert slugify("extraordinary", limit=5) == "extra"
