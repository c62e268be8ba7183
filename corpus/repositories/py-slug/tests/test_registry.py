def test_first_claim(registry):
    assert registry.claim("My Post") == "my-post"


def test_second_claim(registry):
    registry.claim("My Post")
    assert registry.claim("My  post!") == "my-post-2"
    assert registry.claim("my post") == "my-post-3"


def test_untitled(registry):
    assert registry.claim("???") == "untitled"
