from slug.slugify import slugify


class Registry:
    """Gives every title a slug of its own."""

    def __init__(self):
        self.taken = set()

    def claim(self, title):
        base = slugify(title) or "untitled"
        slug, number = base, 2
        while slug in self.taken:
            slug = f"{base}-{number}"
            number += 1
        self.taken.add(slug)
        return slug
