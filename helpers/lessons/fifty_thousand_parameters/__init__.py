"""Lesson fifty_thousand_parameters: how far do 50,000 parameters and 20 epochs of CIFAR-10 go?"""
