"""The table of recipes that type_cases.py reads, and what they are made with: for every operator,
inputs of given types and attributes, and, where the ReferenceEvaluator is not the judge, what must
come out. The recipes are in type_recipes_*.py. Entry points: RECIPES, COUPLED, recipe."""

import numpy as np

RECIPES = {}  # title -> function(Draw) -> Node
COUPLED = {}  # title -> which combinations of types a node can have

SHAPE = (2, 3, 7)
IMAGE = (2, 3, 6, 5)


def recipe(names, couple=None):
    def add(function):
        for name in names.split():
            assert name not in RECIPES, name
            RECIPES[name] = function
            if couple is not None:
                COUPLED[name] = couple
        return function

    return add


def param(draw):
    """The parameter of an operator with one type of interest."""
    return next(iter(draw.types))


def ints(*numbers):
    return np.array(numbers, np.int64)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
