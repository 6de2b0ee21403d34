# SPDX-License-Identifier: Apache-2.0
"""What one member may see of its own pins, whatever others do: a model that is told each call and its answer. A call that was
cut may have come to something or not, until `settle` says which."""

import dataclasses

RECURSIVE, DIRECT = "recursive", "direct"


@dataclasses.dataclass(frozen=True)
class Pin:
    mode: str
    name: str = ""


class Surprise(AssertionError):
    """The gateway answered what no order of events explains."""


def after_add(pin, mode=RECURSIVE, name=None):
    """(refusal or None, what is pinned then)."""
    if pin is not None and pin.mode == RECURSIVE and mode == DIRECT:
        return "already pinned recursively", pin
    return None, Pin(mode, name or "")


def after_rm(pin, recursive=True):
    if pin is None:
        return "not pinned or pinned indirectly", None
    if pin.mode == RECURSIVE and not recursive:
        return "is pinned recursively", pin
    return None, None


class Model:
    """Of one member: for each object, all that its pin may be."""

    def __init__(self):
        self._may_be = {}
        self._cut = set()  # objects of calls that were cut: they may yet have an effect
        self.history = {}

    def may_be(self, key):
        return self._may_be.get(key, {None})

    def is_cut(self, key):
        return key in self._cut

    def _note(self, key, call, answer, now):
        self.history.setdefault(key, []).append(f"{call} -> {answer}: {now}")
        self._may_be[key] = now

    def _told(self, key, call, refusal, results):
        fitting = {pin for said, pin in results if (said is None) == (refusal is None) and (said or "") in (refusal or "")}
        if not fitting:
            raise Surprise(f"{call} of {key} was answered {refusal!r}; it may have been {self.may_be(key)}; before: {self.history.get(key)}")
        self._note(key, call, refusal, fitting)

    def added(self, key, refusal, mode=RECURSIVE, name=None):
        self._told(key, f"add {mode} {name}", refusal, [after_add(pin, mode, name) for pin in self.may_be(key)])

    def add_cut(self, key, mode=RECURSIVE, name=None):
        self._cut.add(key)
        self._note(key, f"add {mode} {name}", "cut", self.may_be(key) | {after_add(pin, mode, name)[1] for pin in self.may_be(key)})

    def removed(self, key, refusal, recursive=True):
        self._told(key, f"rm {recursive}", refusal, [after_rm(pin, recursive) for pin in self.may_be(key)])

    def rm_cut(self, key, recursive=True):
        self._cut.add(key)
        self._note(key, f"rm {recursive}", "cut", self.may_be(key) | {after_rm(pin, recursive)[1] for pin in self.may_be(key)})

    def updated(self, source, target, refusal, unpin=True):
        """Objects whose pins are known alone; source and target differ."""
        (old,), (new,) = self.may_be(source), self.may_be(target)
        if old is None or old.mode != RECURSIVE:
            expected = "'from' cid was not recursively pinned already"
        elif new is not None and new.mode == RECURSIVE:
            expected = "'to' cid was already recursively pinned"
        else:
            expected = None
        if (expected is None) != (refusal is None) or (expected or "") not in (refusal or ""):
            raise Surprise(f"update {source} {target} was answered {refusal!r}, not {expected!r}; {old} {new}; "
                           f"{self.history.get(source)} {self.history.get(target)}")
        if refusal is None:
            self._note(target, f"update from {source}", None, {Pin(RECURSIVE, old.name or (new.name if new else ""))})
            self._note(source, f"update to {target}", None, {None} if unpin else {old})

    def settle(self, listed, extra=lambda key: ""):
        """All has come to rest, and this is what pin/ls lists: key -> Pin."""
        for key in self._may_be.keys() | listed.keys():
            seen = listed.get(key)
            if seen not in self.may_be(key):
                raise Surprise(f"{key} is {seen}; it may be {self.may_be(key)}; before: {self.history.get(key)} {extra(key)}")
            self._note(key, "listed", seen, {seen})
        self._cut.clear()

    def surely_pinned(self):
        """Keys, whatever came of calls that were cut."""
        return [key for key, pins in self._may_be.items() if None not in pins and key not in self._cut]

    def own(self):
        """key -> Pin, when all is known."""
        return {key: next(iter(pins)) for key, pins in self._may_be.items() if pins != {None}}
