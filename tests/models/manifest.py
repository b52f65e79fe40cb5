"""Reads models.toml: the trained models, where they come from and what is fed to them."""

import os
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))


def read_manifest(only=None, default_only=False):
    """-> the entries asked for; an unknown name in `only` is an error of the caller."""
    with open(os.path.join(HERE, "models.toml"), "rb") as file:
        models = tomllib.load(file)["model"]
    unknown = set(only or ()) - {model["name"] for model in models}
    if unknown:
        raise ValueError(f"no model {sorted(unknown)} in models.toml; there are: "
                         + ", ".join(model["name"] for model in models))
    return [model for model in models
            if (not only or model["name"] in only)
            and (not default_only or model.get("default", False))]


def add_selection(parser):
    """The options of every script that walks the manifest."""
    parser.add_argument("--only", metavar="NAME", action="append")
    parser.add_argument("--default", action="store_true", help="only the set that make test runs")


def selection(parser, arguments):
    try:
        return read_manifest(arguments.only, arguments.default)
    except ValueError as error:
        parser.error(str(error))


def folder_of(cache, model):
    return os.path.join(cache, "fetched", model["name"])
