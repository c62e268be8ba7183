import unittest

from ledger.account import Account, Overdrawn, transfer


class AccountTest(unittest.TestCase):
    def setUp(self):
        self.account = Account("ann", limit=100)
        self.account.deposit(500, "pay")

    def test_balance(self):
        self.account.withdraw(200)
        self.assertEqual(self.account.balance, 300)

    def test_limit(self):
        self.account.withdraw(600)
        with self.assertRaises(Overdrawn):
            self.account.withdraw(1)

    def test_refuses_nothing(self):
        with self.assertRaises(ValueError):
            self.account.deposit(0)

    def test_transfer(self):
        other = Account("bob")
        transfer(self.account, other, 150)
        self.assertEqual(self.account.balance, 350)
        self.assertEqual(other.entries, [(150, "from ann")])
