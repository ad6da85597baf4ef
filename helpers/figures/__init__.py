"""Figures of more than one lesson, in one style, each with its alt text."""
