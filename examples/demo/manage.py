#!/usr/bin/env python
"""The commands of the demo. See them all with: python manage.py help"""

import os

if __name__ == "__main__":
    os.environ.setdefault("COATCHECK_SETTINGS", "demo.settings")

    from coatcheck.cli.manage import main

    main()
