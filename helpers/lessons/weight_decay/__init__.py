"""Lesson weight_decay: is decay L2, what does it do before a norm, and how long does it remember?"""
