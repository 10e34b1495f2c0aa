"""Measures of labeling; figures are in docs/results.md."""
