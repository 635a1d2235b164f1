"""Four small programs, each with something wrong, that a model repairs before your eyes.

``python -m opto quickstart`` runs them. Everything goes through the public API, and the
prompts are OptoPrime's own: there is nothing here that a program of yours could not do.
"""
