"""Lesson what_holds_up: which of the claims survived?"""
