# Needs make and Python >= 3.10, nothing else. Nothing here asks a question.
#
#   make quickstart   watch a language model repair programs (local, or your key's)
#   make test         the whole fast test suite
#   make check        lint, types, floors
#   make bench        our speed beside trace-opt 0.1.3.8, TextGrad, torch and plain Python
#   make bench-asking what all layers around a model cost per call
#   make bench-codes  what the graph in the prompt is worth: the steps to a hidden code
#   make bench-numbers  the same for a number: the error after ten steps, beside Adam's
#   make bench-steps  a step with a slow model: ours beside trace-opt 0.1.3.8 and TextGrad
#   make bench-prompts  how many tokens the optimizers ask with, beside trace-opt 0.1.3.8
#   make bench-local  a model on this machine on small jobs: ours beside trace-opt 0.1.3.8
#   make bench-sandbox  what a call of foreign code costs, and what it is held to
#   make soak         ten minutes of everything at once (ARGS=60: one minute)
#   make clean        remove what these commands made

SHELL := /bin/sh
VENV  := .venv
PY    := $(VENV)/bin/python

# Which model answers in `make quickstart` decides what must be installed.
LITELLM := $(ANTHROPIC_API_KEY)$(TRACE_LITELLM_MODEL)
COMMA   := ,
OPENAI  := $(OPENAI_API_KEY)$(TRACE_CUSTOMLLM_URL)
MODEL   := $(if $(LITELLM),litellm$(COMMA)quickstart,$(if $(OPENAI),quickstart,local))

.PHONY: quickstart test check bench bench-asking bench-codes bench-numbers bench-steps bench-prompts bench-local bench-sandbox soak clean

quickstart: $(VENV)/.has-$(MODEL)
	@$(PY) -m opto quickstart

# Hundreds of Pythons are started, which without bytecode would compile all of it, each anew.
test: $(VENV)/.has-test
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 2 --dist worksteal $(ARGS)

check: $(VENV)/.has-test
	@$(PY) -m ruff check
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

bench: $(VENV)/.has-core
	@$(PY) -m benchmarks $(ARGS)

bench-asking: $(VENV)/.has-fast$(COMMA)otel
	@$(PY) -m benchmarks.asking $(ARGS)

bench-codes: $(VENV)/.has-core
	@$(PY) -m benchmarks.codes $(ARGS)

bench-numbers: $(VENV)/.has-core
	@$(PY) -m benchmarks.numerical $(ARGS)

bench-steps: $(VENV)/.has-core
	@$(PY) -m benchmarks.steps $(ARGS)

bench-prompts: $(VENV)/.has-litellm
	@$(PY) -m benchmarks.prompts $(ARGS)

bench-local: $(VENV)/.has-local
	@$(PY) -m benchmarks.local $(ARGS)

bench-sandbox: $(VENV)/.has-core
	@$(PY) -m benchmarks.sandbox $(ARGS)

soak: $(VENV)/.has-core
	@$(PY) -m benchmarks.soak $(ARGS)

clean:
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find src tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each extra that .venv has; `core` stands for none.
$(VENV)/.has-%: pyproject.toml tools/install.sh $(PY)
	@sh tools/install.sh $(VENV) $*
	@touch $@

# An environment whose Python is gone has nothing.
$(PY):
	@rm -f $(VENV)/.has-*
