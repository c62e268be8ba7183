import re
import unicodedata


def slugify(text, separator="-", limit=None):
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    slug = separator.join(words)
    if limit is None or len(slug) <= limit:
        return slug
    cut = slug[: limit + 1]
    return cut.rsplit(separator, 1)[0] if separator in cut else slug[:limit]
