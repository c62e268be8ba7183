"""Money, accounts and their report."""
