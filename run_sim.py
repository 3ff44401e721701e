#!/usr/bin/env python3
"""Front door: checks that this Python can run the model, then hands over to sim.cli.

Plain syntax on purpose: an old Python must get as far as the message that says so.
"""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
NEEDED = ("click", "matplotlib", "mesa", "networkx", "numba", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "tqdm")


def obstacle():
    """Why this Python cannot run the model and what to do about it, in one line; None when it can."""
    if sys.version_info < (3, 11):
        return "this is Python %d.%d and the model needs 3.11 or newer" % sys.version_info[:2]
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if not missing:
        return None
    environment = os.path.join(FOLDER, ".venv")
    python = os.path.join(environment, "Scripts" if os.name == "nt" else "bin", "python")
    if os.path.isdir(environment) and os.path.realpath(sys.prefix) != os.path.realpath(environment):
        remedy = "start it with %s" % python
    else:
        remedy = 'install them in a virtual environment: python -m pip install -e "%s"' % FOLDER
    return "packages are missing (%s); %s" % (", ".join(missing), remedy)


if __name__ == "__main__":
    problem = obstacle()
    if problem:
        sys.exit("error: " + problem)
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)
    try:
        from sim.cli import main

        code = main()
    except KeyboardInterrupt:  # so early that no command has begun
        code = 130
    sys.exit(code)
