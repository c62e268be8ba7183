import unittest

from ledger.account import Account
from ledger.report import statement


class StatementTest(unittest.TestCase):
    def test_lines(self):
        account = Account("ann")
        account.deposit(500, "pay")
        account.withdraw(120, "tea")
        self.assertEqual(
            statement(account),
            "      5.00  pay\n     -1.20  tea\n      3.80  balance\n",
        )
