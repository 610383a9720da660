"""Both families of faults are written in one grammar, and refused in the same words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kracked.sim.faults import order_faults, schedule
from kracked.sim.faults.grammar import BadFaults, FaultSyntax, parse

S = 10**9
SYNTAX = FaultSyntax(form="KIND:WHEN", meanings={"drop": "ends", "slow": "is late"})


def test_an_entry_is_taken_apart() -> None:
    (entry,) = parse(" slow=2s:0.5:AddOrder ", SYNTAX)
    assert entry[:5] == ("slow=2s:0.5:AddOrder", "slow", "2s", "0.5", "AddOrder")
    assert (entry.chance, entry.detail_ns()) == (0.5, 2 * S)


@pytest.mark.parametrize(
    ("detail", "length_ns"), [("500ms", S // 2), ("1h30m", 5400 * S), ("2.5", 5 * S // 2)]
)
def test_a_detail_is_a_length_of_time_and_may_leave_out_its_unit(
    detail: str, length_ns: int
) -> None:
    (entry,) = parse(f"slow={detail}:1", SYNTAX)
    assert entry.detail_ns() == length_ns


@pytest.mark.parametrize("when", ["1", "1.0", "0.25", ".25", "0"])
def test_a_chance_is_a_number_from_0_to_1(when: str) -> None:
    (entry,) = parse(f"drop:{when}", SYNTAX)
    assert entry.chance == float(when)


def test_an_error_states_the_entry_the_form_and_every_kind() -> None:
    with pytest.raises(BadFaults) as refused:
        tuple(parse("drop:1,crash:1", SYNTAX))
    assert str(refused.value) == (
        "'crash:1' is no fault: there is no kind 'crash'. Write KIND:WHEN. Kinds:"
        "\n  drop           ends\n  slow           is late"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing:1", "there is no kind 'nothing'"),
        ("{}", "it does not say when"),
        ("{}=soon:0.1", "'soon' is no length of time"),
    ],
)
@pytest.mark.parametrize(
    ("read", "kind"), [(schedule.read, "maintenance"), (order_faults.read, "reply-late")]
)
def test_the_same_mistake_is_refused_with_the_same_sentence(
    read: Callable[[str], object], kind: str, text: str, problem: str
) -> None:
    with pytest.raises(BadFaults, match=problem):
        read(text.format(kind))
