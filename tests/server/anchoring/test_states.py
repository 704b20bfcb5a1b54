"""The table of states: what it allows, and that every state is reached and left by it."""

import pytest

from anchor.server.anchoring.states import TRANSITIONS, Event, IllegalMove, State, after


def test_the_usual_way_leads_from_planned_to_final() -> None:
    state: State = State.PLANNED
    for event in (Event.SIGNED, Event.ACCEPTED, Event.MINED, Event.FINALISED):
        state = after(state, event)
    assert state is State.FINAL


def test_what_a_block_holds_counts_in_every_state_that_was_ever_broadcast() -> None:
    for state in set(State) - {State.PLANNED, State.FINAL}:
        assert after(state, Event.MINED) is State.MINED


def test_every_state_is_in_the_table_and_only_planned_is_not_reached_by_it() -> None:
    assert set(TRANSITIONS) == set(State)
    reached = {state for moves in TRANSITIONS.values() for state in moves.values()}
    assert set(State) - reached == {State.PLANNED}


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.PLANNED, Event.ACCEPTED),
        (State.PLANNED, Event.MINED),
        (State.FINAL, Event.NONCE_LOST),
        (State.MINED, Event.NOT_NEEDED),
        (State.SUPERSEDED, Event.SIGNED),
    ],
)
def test_a_move_that_the_table_lacks_is_refused(state: State, event: Event) -> None:
    with pytest.raises(IllegalMove) as refused:
        after(state, event)
    assert (refused.value.state, refused.value.event) == (state, event)
