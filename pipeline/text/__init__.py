"""Column functions: kernels over Arrow buffers and the pure functions behind them; no stage, no file.

Compiled kernels are cached in a folder named by a hash of all sources of the package: numba itself notices a change only in the
file that defines a kernel, not in those whose kernels it calls.
"""

import hashlib
import os
from pathlib import Path

import numba


def _kernel_cache() -> Path:
    here = Path(__file__).parent
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.parent.rglob("*.py"))))
    place = here / "__pycache__" if os.access(here, os.W_OK) else Path.home() / ".cache" / "migaki"
    return place / f"kernels-{sources.hexdigest()[:12]}"


numba.config.CACHE_DIR = str(_kernel_cache())
