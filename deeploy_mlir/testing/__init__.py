"""Helpers for tests and fuzzers of this package and of targets outside it."""
