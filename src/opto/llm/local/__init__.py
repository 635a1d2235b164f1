"""A language model on this machine, for whoever has no key: llama.cpp and pinned weights.

``pip install "trace-opt[local]"`` brings the runtime; the weights come at the first
question. `OPTO_LOCAL_MODEL` chooses another model or a GGUF file of one's own.
"""

from opto.llm.local.backend import LocalLLM
from opto.llm.local.pins import MODELS, Weights
from opto.llm.local.weights import Located, find, locate

__all__ = ["MODELS", "LocalLLM", "Located", "Weights", "find", "locate"]
