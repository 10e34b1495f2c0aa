"""A finished picture and a painter folder in; the painting's making, step by step, out.

Run it from the repository root: ``python -m inference paint PICTURE -o OUT``.
"""
