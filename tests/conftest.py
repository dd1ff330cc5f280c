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

# Its line for each request is none of what tests look for in the log, and some framework that runs
# in this process may have asked for everything.
logging.getLogger("httpx2").setLevel(logging.WARNING)
