"""The filter, run by a small interpreter: for every processor of the table, also those that this machine is not."""

from __future__ import annotations

import errno
import struct

import pytest

from netdouble._gate.sealed import program
from netdouble._gate.sealed.machines import IO_URING_SETUP, MACHINES

FAIL = {program.REFUSED: "EPERM", program.NO_CALL: "ENOSYS", program.ALLOW: "allow", program.NOTIFY: "notify"}


def verdict(code: bytes, audit: int, number: int, *arguments: int) -> str:
    """What the kernel would do: linux/filter.h, the four kinds of instruction that the program has."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", code))
    at, word = 0, 0
    while True:
        kind, yes, no, value = instructions[at]
        at += 1
        if kind == 0x06:
            return FAIL[value]
        if kind == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        else:
            at += yes if (word == value if kind == 0x15 else word >= value) else no


@pytest.fixture(params=MACHINES)
def machine(request):
    return MACHINES[request.param]


def test_whatever_may_name_an_address_is_asked_about(machine):
    code = program.filter_of(machine)
    for number in (machine.connect, machine.sendmsg, machine.sendmmsg):
        assert verdict(code, machine.audit, number) == "notify"


@pytest.mark.parametrize("pointer", [1, 0xFFFFFFFF, 0x7F00_0000_0000, 0x1_0000_0000])
def test_a_send_is_asked_about_only_when_it_names_one(machine, pointer):
    code = program.filter_of(machine)
    assert verdict(code, machine.audit, machine.sendto, 3, 4, 5, 0, 0) == "allow"
    assert verdict(code, machine.audit, machine.sendto, 3, 4, 5, 0, pointer) == "notify"


def test_sockets_that_write_frames_are_asked_about_when_they_are_made(machine):
    code = program.filter_of(machine)
    found = {family: verdict(code, machine.audit, machine.socket, family) for family in range(50)}
    assert {family for family, said in found.items() if said == "notify"} == {17, 44}
    assert set(found.values()) == {"allow", "notify"}


def test_io_uring_is_not_there(machine):
    code = program.filter_of(machine)
    assert verdict(code, machine.audit, IO_URING_SETUP) == "ENOSYS"
    assert verdict(code, machine.foreign_audit, IO_URING_SETUP) == "ENOSYS"


def test_32_bit_programs_have_no_sockets_to_send_by_and_all_else(machine):
    code = program.filter_of(machine)
    said = {number: verdict(code, machine.foreign_audit, number) for number in range(450)}
    assert {number for number, word in said.items() if word == "EPERM"} == set(machine.foreign)
    assert {word for number, word in said.items() if number not in machine.foreign} == {"allow", "ENOSYS"}


def test_an_architecture_that_is_not_known_can_do_nothing(machine):
    assert verdict(program.filter_of(machine), 0xC0000015, 1) == "EPERM"


def test_the_third_dialect_of_x86_64_is_not_there():
    machine = MACHINES["x86_64"]
    code = program.filter_of(machine)
    for number in (0x40000000, 0x40000000 | machine.connect, 0x40000208, 0xFFFFFFFF):
        assert verdict(code, machine.audit, number) == "ENOSYS"


def test_everything_else_passes(machine):
    code = program.filter_of(machine)
    watched = {machine.connect, machine.sendmsg, machine.sendmmsg, IO_URING_SETUP}
    assert {verdict(code, machine.audit, number) for number in range(470) if number not in watched} == {"allow"}


def test_the_filter_that_only_spreads_the_other_allows_everything(machine):
    assert verdict(program.nothing(), machine.audit, machine.connect) == "allow"


def test_errors_are_the_ones_that_clients_know():
    assert (program.REFUSED & 0xFFFF, program.NO_CALL & 0xFFFF) == (errno.EPERM, errno.ENOSYS)
