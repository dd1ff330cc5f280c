"""Tell a dotted name that is wrong from a module that is broken: Python says both alike."""


def is_missing(module: str, error: ModuleNotFoundError) -> bool:
    """Whether *error* says that *module*, or a package it lies in, is not there.

    If not, the module was found, and what is missing is something that it imports.
    """
    return error.name is not None and f"{module}.".startswith(f"{error.name}.")
