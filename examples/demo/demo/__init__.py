"""The demo site. The exercises it shows lie beside it, in the folder above."""

import sys
from pathlib import Path

ABOVE = str(Path(__file__).resolve().parents[2])

if ABOVE not in sys.path:
    sys.path.append(ABOVE)
