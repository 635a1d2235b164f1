"""Four small programs, each with something wrong, that a model repairs before your eyes.

``python -m opto quickstart`` runs them. Everything goes through the public API, and the
prompts are OptoPrime's own: there is nothing here that a program of yours could not do.
"""

from opto.quickstart.answerer import Answerer, answerer
from opto.quickstart.job import Job, Task, Verdict
from opto.quickstart.jobs import JOBS
from opto.quickstart.run import Begun, Ended, Outcome, Stepped, work

__all__ = [
    "JOBS",
    "Answerer",
    "Begun",
    "Ended",
    "Job",
    "Outcome",
    "Stepped",
    "Task",
    "Verdict",
    "answerer",
    "work",
]
