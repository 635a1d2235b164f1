"""A training script that is killed at any instant: `python training.py JOURNAL URL NAME STEPS`.

It has an agent and an optimizer, chance, and threads that ask equal questions, and tells of each
answer only after it has it.
"""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import opto
from opto.llm import OpenAILLM
from opto.optimizers import OptoPrime
from opto.trace import bundle, node


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")  # in one piece, whoever else is writing
    sys.stdout.flush()


def train(place, url, name, steps):
    model = OpenAILLM("tiny", base_url=url, api_key="any", base_delay=0.01)
    number = node(1, name="number", trainable=True)
    tone = node("Be brief.", name="tone", trainable=True)
    optimizer = OptoPrime([number, tone], llm=model, memory_size=2)

    def ask(text):
        said = model(text).text
        say("said", said)
        return said

    @bundle()
    def agent(tone, number, example):
        """Answer the example."""
        return ask(f"{tone} {number} and {example}?")

    with opto.run(name, journal=place, seed=5) as run:
        for step in range(int(steps)):
            with ThreadPoolExecutor(3) as pool:
                draws = list(pool.map(ask, [f"draw one for step {step}"] * 3))
            output = agent(tone, number, random.randint(0, 10**6))
            optimizer.zero_feedback()
            optimizer.backward(output, f"{draws[0]} is closer")
            optimizer.step()
    say("end", number.data, tone.data, run.asked, run.steps)


if __name__ == "__main__":
    train(*sys.argv[1:])
