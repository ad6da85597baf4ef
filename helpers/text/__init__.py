"""Texts as sequences of characters: the data sets, a language whose entropy is known, and windows of both."""
