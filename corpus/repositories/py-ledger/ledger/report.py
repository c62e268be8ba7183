"""A statement as text."""
from ledger.money import show


def statement(account):
    """One line an entry, the balance last."""
    lines = [f"{show(amount):>10}  {note}".rstrip() for amount, note in account.entries]
    lines.append(f"{show(account.balance):>10}  balance")
    return "\n".join(lines) + "\n"
