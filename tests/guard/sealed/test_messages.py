"""What the supervisor and the processes of a run share: a page that is never seen half written, and what is told."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdouble._gate.sealed.messages import PAGE, Moment, Page, Refusal, Rules, packed, unpacked
from netdouble._gate.sealed.stacks import _stacks


@pytest.fixture
def pages():
    """The same memory, as two processes see it."""
    descriptor = os.memfd_create("test")
    os.truncate(descriptor, PAGE)
    yield Page(descriptor), Page(descriptor)
    os.close(descriptor)


def test_nothing_is_there_before_something_is_told(pages):
    _, reader = pages
    assert (reader.rules.counter, reader.rules.read(), reader.moment.read()) == (0, (0, None), (0, None))
    assert (reader.refused, set(reader.judged)) == (0, {0})


entries = st.lists(st.text(), max_size=5).map(tuple)


@given(mode=st.sampled_from(["block", "warn", "off"]), allow=entries, closed=entries, reports=st.booleans(),
       names=st.dictionaries(st.text(), st.lists(st.text())))  # fmt: skip
def test_rules_arrive_as_they_were_told(mode, allow, closed, reports, names):
    descriptor = os.memfd_create("test")
    os.truncate(descriptor, PAGE)
    writer, reader = Page(descriptor), Page(descriptor)
    os.close(descriptor)
    rules = Rules(mode=mode, allow=allow, closed=closed, names=names, reports=reports)
    writer.tell_rules(rules)
    assert Rules.of(reader.rules.read()[1]) == rules


def test_a_moment_arrives_as_it_was_told(pages):
    writer, reader = pages
    writer.tell_moment(Moment("tests/test_it.py::test_it[\u00fc]", True, 12.5))
    assert Moment(*reader.moment.read()[1]) == Moment("tests/test_it.py::test_it[\u00fc]", True, 12.5)


def test_more_names_than_have_room_are_left_out_and_the_entries_stay(pages):
    writer, reader = pages
    names = {f"10.0.{n // 256}.{n % 256}": [f"host-{n}.{'x' * 100}.test"] for n in range(8000)}
    writer.tell_rules(Rules(allow=("db.test",), names=names))
    assert Rules.of(reader.rules.read()[1]) == Rules(allow=("db.test",))


def test_a_reader_never_sees_half_of_a_value(pages):
    """Of two threads that write and one process that does, killed at any moment."""
    writer, reader = pages
    values = [Rules(allow=(letter * 50_000,)) for letter in "ab"]
    over = threading.Event()

    def write(rules):
        while not over.is_set():
            writer.tell_rules(rules)

    threads = [threading.Thread(target=write, args=(rules,)) for rules in values]
    for thread in threads:
        thread.start()
    seen = set()
    while len(seen) < 2:
        value = reader.rules.read()[1]
        if value is not None:
            assert Rules.of(value) in values
            seen.add(value["allow"][0][0])
    over.set()
    for thread in threads:
        thread.join()


def test_a_writer_that_is_killed_holds_nobody_up(pages):
    writer, reader = pages
    writer.tell_rules(Rules(allow=("c" * 50_000,)))
    before = reader.rules.counter
    child = os.fork()
    if child == 0:
        while True:
            writer.tell_rules(Rules(allow=("c" * 50_000,)))
    while reader.rules.counter == before:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert Rules.of(reader.rules.read()[1]) == Rules(allow=("c" * 50_000,))


def test_refusals_arrive_as_they_were_noted():
    refusal = Refusal(call="connect", target="127.0.0.9:9", process=1, thread=2, is_ours=False, command="curl \udcff",
                      thread_name="curl", test="t", in_test=True, spawned_in="", older=False, refused=True)  # fmt: skip
    assert unpacked(packed([refusal])) == [refusal]


DUMP = """Thread 0x00007f0000000002 (most recent call first):
  File "/app/worker.py", line 7 in work
  File "/usr/lib/threading.py", line 975 in run

Current thread 0x00007f0000000001 (most recent call first):
  File "/app/client.py", line 42 in fetch
  File "/app/test_it.py", line 3 in test_it
"""
OF_NATIVE = """Thread 0x00007f0000000001 (most recent call first):
  File "/app/test_it.py", line 9 in test_it
"""


def test_the_stack_is_that_of_the_calling_thread():
    (stack,) = _stacks(DUMP)
    assert stack.current == 0x7F0000000001
    assert stack.frames() == [("/app/client.py", 42, "fetch"), ("/app/test_it.py", 3, "test_it")]


def test_of_a_thread_that_is_not_pythons_the_main_thread_is_told():
    (stack,) = _stacks(OF_NATIVE)
    assert (stack.current, stack.frames()) == (0, [("/app/test_it.py", 9, "test_it")])


def test_dumps_that_follow_each_other_are_told_apart():
    assert [stack.current for stack in _stacks(DUMP + DUMP + OF_NATIVE)] == [0x7F0000000001, 0x7F0000000001, 0]
    assert _stacks("") == []
