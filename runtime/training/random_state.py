"""The state of torch's generators, as JSON: what dropout draws from."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import torch


def seed(value: int) -> None:
    """Seeds the generators of the CPU and of all accelerators."""
    torch.manual_seed(value)


def capture(device: torch.device) -> dict[str, str]:
    """The states that training on `device` depends on, by device type."""
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state(*_which(device))
    return {
        kind: base64.b64encode(state.cpu().numpy().tobytes()).decode()
        for kind, state in states.items()
    }


def restore(states: Mapping[str, str], device: torch.device) -> None:
    """Puts the states back. One of another device type is left out: there a run goes on
    with other draws, since generators of different devices never agree."""
    for kind, text in states.items():
        state = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
        if kind == "cpu":
            torch.set_rng_state(state)
        elif kind == device.type:
            torch.get_device_module(device).set_rng_state(state, *_which(device))


def _which(device: torch.device) -> tuple[torch.device, ...]:
    # There is one generator for all of MPS, and its functions take no device.
    return () if device.type == "mps" else (device,)
