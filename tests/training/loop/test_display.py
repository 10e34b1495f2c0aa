"""What a person sees of a run, and how they stop it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from training.loop.display import Terminal
from training.loop.stop_signals import StopSignals, end_by


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """As at a terminal: a job in the background of a shell begins with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_without_a_terminal_progress_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The first step at once, the next after some seconds; nothing is wrapped or read as markup."""
    with Terminal("mask") as terminal:
        terminal.begin()
        terminal.advance(0.031, 1, 0.68724, 2.345)
        terminal.advance(0.032, 2, 0.6, 2.3)
        terminal.say("a" * 200 + "[bold]")
        terminal.warn("careful")
    out, error = capsys.readouterr()
    assert out == f"mask: 3%, step 1, loss 0.6872, 2.35 steps/s\n{'a' * 200}[bold]\n"
    assert error == "careful\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_remembered_and_the_next_is_as_before(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    came: list[int] = []
    before = signal.signal(number, lambda *_: came.append(1))
    try:
        signals = StopSignals()
        signals.catch()
        signal.raise_signal(number)
        assert (signals.received, came) == (number, [])
        assert "once more ends at once" in capfd.readouterr().err
        signal.raise_signal(number)
        assert came == [1]
    finally:
        signal.signal(number, before)


def test_after_the_run_signals_are_as_before() -> None:
    with Terminal("mask") as terminal:
        terminal.begin()
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert terminal.stop_signal() == 0


def test_before_the_first_step_ctrl_c_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Terminal("mask"):
        signal.raise_signal(signal.SIGINT)


def test_threads_get_no_signals() -> None:
    signals = StopSignals()
    thread = threading.Thread(target=signals.catch)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_ends_as_its_signal_would_have_ended_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        end_by(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        end_by(signal.SIGTERM)
    assert ended.value.code == 143
