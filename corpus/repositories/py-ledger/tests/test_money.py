import unittest

from ledger.money import parse, show, split


class ParseTest(unittest.TestCase):
    def test_whole(self):
        self.assertEqual(parse("12"), 1200)

    def test_cents(self):
        self.assertEqual(parse("12.50"), 1250)
        self.assertEqual(parse("-0.07"), -7)

    def test_refuses(self):
        for text in ("", "12.5", "abc"):
            with self.subTest(text), self.assertRaises(ValueError):
                parse(text)


class ShowTest(unittest.TestCase):
    def test_pads(self):
        self.assertEqual(show(7), "0.07")

    def test_negative(self):
        self.assertEqual(show(-1005), "-10.05")


class SplitTest(unittest.TestCase):
    def test_keeps_every_cent(self):
        self.assertEqual(split(100, 3), [34, 33, 33])
        self.assertEqual(sum(split(1001, 7)), 1001)

    def test_refuses_no_parts(self):
        with self.assertRaises(ValueError):
            split(100, 0)
