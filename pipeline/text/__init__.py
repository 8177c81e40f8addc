"""Column functions: kernels over Arrow buffers and the pure functions behind them; no stage, no file.

Compiled kernels are cached in a folder named by a hash of all files with kernels: numba itself notices a change only
in the file that defines a kernel, not in those whose kernels it calls.
"""

import hashlib
import os
from pathlib import Path

import numba


def _kernel_cache() -> Path:
    here = Path(__file__).parent
    sources = [path.read_bytes() for path in sorted(here.parent.rglob("*.py"))]
    version = hashlib.sha256(b"".join(source for source in sources if b"njit" in source)).hexdigest()
    place = here / "__pycache__" if os.access(here, os.W_OK) else Path.home() / ".cache" / "migaki"
    return place / f"kernels-{version[:12]}"


numba.config.CACHE_DIR = str(_kernel_cache())
