"""Trainable code that one thread rewrites while others run it."""

from __future__ import annotations

import threading
import time

from opto.trace import bundle, node


def test_no_thread_runs_code_older_than_what_its_call_found(monkeypatch):
    @bundle(trainable=True)
    def version(v):
        return v + 0

    text, settled, over, wrong = version.parameter.data, [0], threading.Event(), []
    enter, defined = version._enter, version._defined

    def slow(of, pause):
        def run(*args):
            made = of(*args)
            time.sleep(pause * (threading.get_ident() % 3))
            return made

        return run

    # What threads get in each other's way with, at length.
    monkeypatch.setattr(version, "_enter", slow(enter, 0.0005))
    monkeypatch.setattr(version, "_defined", slow(defined, 0.001))

    def call():
        while not over.is_set():
            least = settled[0]
            got = version(node(0)).data
            if got < least:
                wrong.append((got, least))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for i in range(1, 200):
        version.parameter._data = text.replace("+ 0", f"+ {i}")
        settled[0] = i
        time.sleep(0.002)
    over.set()
    for thread in threads:
        thread.join()
    assert version(node(0)).data == 199
    assert not wrong
