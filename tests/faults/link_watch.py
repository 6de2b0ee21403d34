# SPDX-License-Identifier: Apache-2.0
"""Looks at what gateways say of their links while a network is hindered, and finds what is not true."""

import threading
import time

from kit.link_gateway import Refused

MISSED_S = 30  # three heartbeats


class Watch:
    """Asks all the time. gateways: (gateway, partner). `lies` are states that their own evidence does not bear out."""

    def __init__(self, *sides):
        self.sides, self.states, self.lies = sides, {}, []
        self.changes = {side[0].org: [] for side in sides}
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_over:
            for gateway, partner in self.sides:
                try:
                    self._look(gateway, gateway.show(partner))
                except (Refused, OSError, KeyError, ValueError):
                    continue
            time.sleep(0.2)

    def _look(self, gateway, shown):
        state, evidence = shown["state"], shown["evidence"]
        if self.states.get(gateway.org) != state:
            self.changes[gateway.org].append((time.monotonic(), state, shown.get("why")))
        self.states[gateway.org] = state
        ages = [evidence["heard_ms"], evidence["acked_ms"]]
        if state == "active" and any(age is None or age > MISSED_S * 1000 + 500 for age in ages):
            self.lies.append((gateway.org, state, ages))
        if state == "degraded" and not shown.get("why"):
            self.lies.append((gateway.org, state, "no reason"))

    def wait(self, state, seconds) -> float:
        """How long until all say so; more than SECONDS: they do not."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if all(self.states.get(gateway.org) == state for gateway, _ in self.sides):
                break
            time.sleep(0.05)
        return time.monotonic() - began

    def close(self):
        self._is_over = True
        self._thread.join(10)
