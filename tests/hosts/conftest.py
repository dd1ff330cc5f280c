"""These tests fetch other projects' sources, so they run only where somebody names them:
`make hosts`, or `pytest tests/hosts`."""

import sys

if not any("hosts" in argument for argument in sys.argv):
    collect_ignore_glob = ["test_*.py"]
