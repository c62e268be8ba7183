"""Amounts in cents."""
import re


def parse(text):
    """Read '12.50' or '-3' as cents."""
    match = re.fullmatch(r"(-?)(\d+)(?:\.(\d{2}))?", text.strip())
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    sign, whole, cents = match.groups()
    value = int(whole) * 100 + int(cents or 0)
    return -value if sign else value


def show(cents):
    """Write cents as '12.50'."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def split(cents, parts):
    """Share an amount without losing a cent; the first parts get more."""
    if parts < 1:
        raise ValueError("parts must be at least 1")
    each, left = divmod(cents, parts)
    return [each + (1 if at < left else 0) for at in range(parts)]
