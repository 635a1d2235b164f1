"""The words that models are given: one file a prompt, read when it is first used.

Text only: what the words are filled with, and who reads the answer, is decided upstairs.
"""

from opto.prompts.prompt import Prompt, prompt

__all__ = ["Prompt", "prompt"]
