"""An account and its entries."""


class Overdrawn(Exception):
    """There is not enough on the account."""


class Account:
    """A balance with its history."""

    def __init__(self, name, limit=0):
        self.name = name
        self.limit = limit
        self.entries = []

    @property
    def balance(self):
        return sum(amount for amount, _ in self.entries)

    def deposit(self, cents, note=""):
        if cents <= 0:
            raise ValueError("a deposit must be positive")
        self.entries.append((cents, note))

    def withdraw(self, cents, note=""):
        if cents <= 0:
            raise ValueError("a withdrawal must be positive")
        if self.balance - cents < -self.limit:
            raise Overdrawn(self.name)
        self.entries.append((-cents, note))


def transfer(source, target, cents):
    """Move an amount; neither account changes when it is not there."""
    source.withdraw(cents, f"to {target.name}")
    target.deposit(cents, f"from {source.name}")
