"""Lesson signals_in_deep_networks: what becomes of a signal and its gradient in 30 layers?"""
