"""Settings for Django's own tests, with coatcheck's engine in place of the default one."""

import os

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "a key that opens nothing"
USE_TZ = False

COATCHECK = {"STORE": os.environ["COATCHECK_STORE"]}
SESSION_ENGINE = "coatcheck.integrations.django.engine"
TEST_RUNNER = "tests.hosts.django.runner.Runner"
