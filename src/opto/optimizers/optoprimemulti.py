"""OptoPrimeMulti: several candidates for each step, and one of them chosen.

Source: SPEC 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, OptimizerError
from opto.optimizers.asking import whole
from opto.optimizers.candidates import GENERATING, SHOWING, Drafting
from opto.optimizers.options import refuse_unknown
from opto.optimizers.optoprime import OptoPrime
from opto.optimizers.plan import Asking, mended, spread
from opto.optimizers.selecting import ASKING, SELECTING, Selecting, selected
from opto.optimizers.voices import shares, voices_of, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from opto.llm import LLM, Request
    from opto.optimizers.drive import Plan
    from opto.optimizers.fit import Budget
    from opto.optimizers.memory import Episode
    from opto.optimizers.problem import Problem
    from opto.optimizers.proposal import Proposal, Update

__all__ = ["OptoPrimeMulti"]


@dataclass(frozen=True, slots=True)
class _How:
    """What the candidates of one step are like, and how one is chosen."""

    count: int
    generation: str
    selection: str | None
    heat: tuple[float, float]
    selector: Callable[[list[str]], str] | None
    experts: tuple[str, ...]


class OptoPrimeMulti(OptoPrime):
    """Asks for several answers in each step, and makes one of them the step.

    The answers come in one of these ways, by `generation_technique`:

    - ``"temperature_variation"``: the same question, at several temperatures.
    - ``"self_refinement"``: each answer is made from the one before it.
    - ``"iterative_alternatives"``: each differs from all before it.
    - ``"multi_experts"``: each by another expert, from `experts_list` or asked for.
    - ``"multi_llm"``: the same question to several models, `llm_profiles`.

    And one is chosen, by `selection_technique`:

    - ``"best_of_n"``: the model says which is best.
    - ``"moa"``, or ``"mixture_of_agents"``: it makes one of all of them.
    - ``"majority"``: that which most agree with, without a question.
    - ``"last_of_n"``: the last.

    Where there is a `selector`, that chooses; where there is a `score`, each is tried on the
    program, and the best stays. Both come before the technique, `score` before `selector`.

    A step asks `num_responses` questions, one more to name experts where none are given, and
    one more where the model chooses among answers that differ. Answers that cannot be read
    are no candidates; they and the others that were not chosen are in
    ``update.proposal.others``, with what is wrong with them. Where no answer is of use, the
    first is asked for once more.

    All of these questions keep to `token_budget`: a quarter of it is kept for answers that are
    shown, first with less of their reasons, then without the oldest. Where that is not enough, a
    question is asked without them, or what most agree with is taken, and `repairs` say so.

    Args:
        parameters: as in `OptoPrime`.
        llm: as in `OptoPrime`; it also names the experts and chooses.
        num_responses: how many answers each step asks for.
        temperature_min_max: the lowest and the highest temperature of
            ``"temperature_variation"``, which begins at the highest; None for 0 to 1. The
            other techniques use `temperature`.
        selector: from the texts of the answers that can be read to one of them.
        generation_technique: how answers are asked for.
        selection_technique: how one of them is chosen.
        experts_list: who answers, in a few words each; None to ask the model.
        llm_profiles: who answers: names of profiles, see `LLMFactory`, or models.
        llm_weights: how many of the answers each of them gives, beside the others; None for
            equal shares.
        parallel: as in `AskingOptimizer`.
        temperature_range: the original's old name of `temperature_min_max`.
        **shared: further arguments of `OptoPrime`.

    Raises:
        OptimizerError: an argument cannot be used.
        ArgumentError: an argument, or a technique, is unknown.
        PlugError: there is no such profile.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import GRAPH, node
        >>> GRAPH.clear()
        >>> x = node(3, name="x", trainable=True)
        >>> model = ScriptedLLM(f'{{"suggestion": {{"x0": {n}}}}}' for n in (5, 9, 5))
        >>> optimizer = OptoPrimeMulti([x], llm=model, selection_technique="majority")
        >>> optimizer.backward(x * 2, "make it 10")
        >>> optimizer.step()
        Update(x0: 3 -> 5)

    Source: SPEC 7.4.
    """

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        num_responses: int = 3,
        temperature_min_max: Sequence[float] | None = None,
        selector: Callable[[list[str]], str] | None = None,
        generation_technique: str = "temperature_variation",
        selection_technique: str = "best_of_n",
        experts_list: Sequence[str] | None = None,
        llm_profiles: Sequence[Any] | None = None,
        llm_weights: Sequence[float] | None = None,
        parallel: int = 8,
        temperature_range: Sequence[float] | None = None,
        **shared: Any,
    ) -> None:
        _check_names(type(self).__name__, shared)
        super().__init__(parameters, llm, *args, parallel=parallel, **shared)
        self.num_responses = num_responses
        self.temperature_min_max = _one_of_two(temperature_min_max, temperature_range) or (0.0, 1.0)
        self.selector = selector
        self.generation_technique = generation_technique
        self.selection_technique = selection_technique
        self.experts_list = experts_list
        self._voices = voices_of(llm_profiles or ())
        self.llm_weights = weights_of(llm_weights, self._voices)
        self._how()

    @property
    def llm_profiles(self) -> tuple[str, ...]:
        """The names of the models among which ``"multi_llm"`` shares the questions."""
        return tuple(self._voices)

    @property
    def enforces_schema(self) -> bool:
        """Whether one of the models that may be asked can be held to a JSON schema."""
        return super().enforces_schema or any(
            getattr(model, "enforces_schema", False) for model in self._voices.values()
        )

    def plan(
        self,
        problem: Problem,
        memory: Iterable[Episode] = (),
        prompt: tuple[str, str] | None = None,
        drafts: int | None = None,
        how: _How | None = None,
    ) -> Plan[Proposal]:
        """The step without a model and without the program: questions to a proposal.

        Args:
            problem: what `problem_instance` returned.
            memory: earlier rounds, the oldest first.
            prompt: the words, where they are not those of `problem` and `memory`.
            drafts: how many answers to ask for; None for `num_responses`.
            how: what a step has said of itself; None for what the optimizer says.

        Returns:
            A generator for `opto.optimizers.drive.drive`.
        """
        how = how or self._how(num_responses=drafts)
        system, user = prompt or self._words(problem, memory)
        asking = Asking(
            system,
            user,
            self.max_tokens,
            self._response_format(problem),
            self._temperatures(how),
            self.repair,
            self._models(how),
            super()._budget(),
        )
        drafting = Drafting(asking, partial(self._read, problem=problem), how.experts)
        selecting = Selecting(how.selection, how.selector, problem.current)
        return _candidates_and_choice(GENERATING[how.generation], drafting, selecting)

    def _rounds(
        self,
        verbose: bool | str = False,  # noqa: ARG002 - whoever drives the plan prints
        mask: Collection[str] | None = None,
        *args: Any,
        num_responses: int | None = None,
        temperature_min_max: Sequence[float] | None = None,
        selector: Callable[[list[str]], str] | None = None,
        generation_technique: str | None = None,
        selection_technique: str | None = None,
        experts_list: Sequence[str] | None = None,
        score: Callable[[], float] | None = None,
        temperature_range: Sequence[float] | None = None,
        **unknown: Any,
    ) -> Plan[Update]:
        """New values for the parameters; each argument is for this step alone.

        Args:
            verbose: as in `OptoPrime`.
            mask: as in `OptoPrime`.
            *args: none.
            num_responses: as in the constructor, and so are the others.
            temperature_min_max: as there.
            selector: as there.
            generation_technique: as there.
            selection_technique: as there.
            experts_list: as there.
            score: as there.
            temperature_range: as there.
            **unknown: none.
        """
        refuse_unknown("step()", OptoPrimeMulti._rounds, args, unknown)
        how = self._how(
            num_responses=num_responses,
            temperature_min_max=_one_of_two(temperature_min_max, temperature_range),
            selector=selector,
            generation_technique=generation_technique,
            selection_technique=selection_technique,
            experts_list=experts_list,
        )
        score = score or self.score
        if score is not None:
            how = replace(how, selection=None, selector=None)
        noted = {
            "generation_technique": how.generation,
            "selection_technique": how.selection,
            "llm_profiles": list(self.llm_profiles),
        }
        return (yield from self._through(partial(self.plan, how=how), mask, score, **noted))

    def _how(self, **said: Any) -> _How:
        """What holds for a step that says so much of itself, where it makes sense."""
        chosen = {
            name: getattr(self, name) if said.get(name) is None else said[name]
            for name in (
                "num_responses",
                "temperature_min_max",
                "selector",
                "generation_technique",
                "selection_technique",
                "experts_list",
            )
        }
        generation = _known("generation_technique", chosen["generation_technique"], GENERATING)
        selection = _known("selection_technique", chosen["selection_technique"], SELECTING)
        if generation == "multi_llm" and not self._voices:
            raise OptimizerError(
                "generation_technique='multi_llm' needs llm_profiles=[...]: names of profiles, "
                "see opto.llm.LLMFactory, or models"
            )
        if chosen["selector"] is not None and not callable(chosen["selector"]):
            raise OptimizerError(f"selector must be a function, not {chosen['selector']!r}")
        return _How(
            whole("num_responses", chosen["num_responses"]),
            generation,
            selection,
            _heat(chosen["temperature_min_max"]),
            chosen["selector"],
            _experts(chosen["experts_list"] or ()),
        )

    def _temperatures(self, how: _How) -> tuple[float | None, ...]:
        if how.generation == "temperature_variation":
            low, high = how.heat
            return spread(how.count, (high, low))
        if self.temperature is None:
            return (None,) * how.count
        return spread(how.count, self.temperature)

    def _budget(self) -> Budget:
        """What the problem may take: a quarter is kept for answers that a question shows."""
        budget = super()._budget()
        chosen_otherwise = self.selector is not None or self.score is not None
        asks = str(self.generation_technique) in SHOWING or (
            str(self.selection_technique) in ASKING and not chosen_otherwise
        )
        return replace(budget, tokens=budget.tokens - budget.tokens // 4) if asks else budget

    def _models(self, how: _How) -> tuple[str, ...]:
        if how.generation != "multi_llm":
            return ()
        names = self.llm_profiles
        return tuple(names[turn] for turn in shares(self.llm_weights, how.count))

    def _readers(self) -> list[Any]:
        return [*super()._readers(), *self._voices.values()]

    def _addressed(self, request: Request) -> tuple[LLM, Request]:
        model, request = super()._addressed(request)
        # A plan says by name who answers; what the model itself is called, it knows.
        if request.model in self._voices:
            model, request = self._voices[request.model], replace(request, model=None)
        if _is_schema(request.response_format) and not model.enforces_schema:
            # The plan asks all in one form: this one gets what it can be held to.
            plain = {"type": "json_object"} if self.use_json_object_format else None
            request = replace(request, response_format=plain)
        return model, request

    def _note(
        self, prompt: tuple[str, str], problem: Any, summary: Any, update: Update, **more: Any
    ) -> None:
        every = (update.proposal, *update.proposal.others)
        texts = [proposal.replies[-1].text for proposal in every if proposal.replies]
        super()._note(prompt, problem, summary, update, response=texts, **more)

    def _shared(self) -> list[Any]:
        return [*super()._shared(), *self._voices.values()]


def _is_schema(form: Any) -> bool:
    return isinstance(form, dict) and form.get("type") == "json_schema"


def _candidates_and_choice(
    generating: Callable[[Drafting], Plan[tuple[Proposal, ...]]],
    drafting: Drafting,
    selecting: Selecting,
) -> Plan[Proposal]:
    found = yield from generating(drafting)
    candidates = yield from mended(drafting.asking, tuple(found), drafting.read)
    return (yield from selected(selecting, drafting, candidates))


def _check_names(owner: str, given: Mapping[str, Any]) -> None:
    """Raise for arguments that neither this class nor OptoPrime takes."""
    code, own = OptoPrime.__init__.__code__, OptoPrimeMulti.__init__.__code__
    known = [
        name
        for one in (own, code)
        for name in one.co_varnames[1 : one.co_argcount + one.co_kwonlyargcount]
        if name != "drafts"  # which are called num_responses here
    ]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ArgumentError.unknown(f"{owner}()", unknown, dict.fromkeys(known))


def _known(argument: str, name: Any, names: Mapping[str, Any]) -> str:
    if name not in names:
        raise ArgumentError.unknown(argument, [str(name)], names)
    return str(name)


def _one_of_two(new: Sequence[float] | None, old: Sequence[float] | None) -> Any:
    if new is not None and old is not None:
        raise OptimizerError(
            "temperature_range is the old name of temperature_min_max; give one of them"
        )
    return old if new is None else new


def _heat(given: Any) -> tuple[float, float]:
    """The lowest and the highest temperature."""
    try:
        low, high = sorted(float(one) for one in given)
    except (TypeError, ValueError):
        low = high = -1.0
    if low < 0 or not isfinite(high):
        raise OptimizerError(
            f"temperature_min_max must be two numbers from 0 on, such as (0.0, 1.0), not {given!r}"
        )
    return low, high


def _experts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(one, str) and one.strip() for one in given):
        raise OptimizerError(f"experts_list must be a list of texts, not {given!r}")
    return tuple(given)
