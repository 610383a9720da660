"""The meaning of maintenance, incidents and the engine's state for orders now. Pure.

The rules are the exchange's advice, read for a program that trades: the fields decide rather
than the phase, of several the strictest counts, and a word that is not known changes nothing.

Sources: as in `kracked.protocol.maintenance.announcements`
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
from kracked.protocol.maintenance.words import (
    NOTHING_ASKED,
    clock_text,
    length_text,
    title_of,
)
from kracked.times import NS_PER_S

ONLINE = "online"
APPROACHING, IMMINENT, FINAL = "approaching_30m", "imminent_5m", "final_warning_30s"
COUNTDOWN_NS = 1800 * NS_PER_S
"""A window is counted down from half an hour before it."""
OFFER_NS = 300 * NS_PER_S
"""How long before the last moment for cancels the clock alone calls for an offer."""


class NewOrders(StrEnum):
    """Whether new orders may be sent, the mildest first."""

    ALLOWED = "allowed"
    ASK = "ask"
    """Only after a confirmation; a program without a person sends none."""
    REFUSED = "refused"


class SwitchAdvice(StrEnum):
    """The need of the dead-man's switch, the mildest first.

    A switch that is on through a window cancels every order when the engine returns.
    """

    KEEP = "keep"
    ASK = "ask"
    """A person decides: turn it off, or accept that every order is cancelled."""
    NOT_ANEW = "not anew"
    """As `ASK`, and it is not set anew."""


class TradingEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect at one moment. Times are ns since the Unix epoch; None is not known."""

    at: int = 0
    """The moment."""
    new_orders: NewOrders = NewOrders.ALLOWED
    reason: str = ""
    """Why orders are not simply allowed, in a sentence; empty when they are."""
    forced: bool = False
    """Whether the engine itself takes no order now, whoever insists."""
    only: str = ""
    """`post_only` or `limit_only` while the engine takes no other orders."""
    cancels: bool = True
    """Whether the engine takes cancels; it does until `cancel_before`."""
    switch: SwitchAdvice = SwitchAdvice.KEEP
    key: str = ""
    """Which event is next; empty without one."""
    title: str = ""
    starts: int | None = None
    """The expected start of the next window."""
    ends: int | None = None
    """Its expected end."""
    until: int | None = None
    """The expected end of the window that is on, while the engine is not online."""
    cancel_before: int | None = None
    offers_cancel: bool = False
    """Whether to offer to cancel everything, while that can still be done."""
    expects_loss: bool = False
    """Whether connections will be lost: keep them, and come back no faster than every 5 s."""
    counting: bool = False
    """Whether the window is near enough to be counted down."""

    @property
    def countdown_ns(self) -> int | None:
        """Time to the start of the next window, 0 once it is due; None while none is near."""
        if self.starts is None or not self.counting:
            return None
        return max(0, self.starts - self.at)

    @property
    def cancel_ns(self) -> int | None:
        """Time to the last moment for cancels, 0 once it has passed; None while there is none."""
        return None if self.cancel_before is None else max(0, self.cancel_before - self.at)


def of_system(system: str, now: int, until: int | None = None) -> TradingEffect:
    """Return the effect of the engine's state.

    Args:
        system: The state in the exchange's word.
        now: This moment.
        until: The end of the window that was announced for it.
    """
    when = f", until about {clock_text(until, now)}" if until is not None else ""
    if system == "maintenance":
        return TradingEffect(
            at=now,
            new_orders=NewOrders.REFUSED,
            reason=f"The exchange is down for maintenance{when}: it takes no orders and no "
            "cancels. Wait until it is online.",
            forced=True,
            cancels=False,
            switch=SwitchAdvice.NOT_ANEW,
            until=until,
        )
    if system == "cancel_only":
        reason = "The exchange takes cancels only; wait until it takes orders."
        refused = NewOrders.REFUSED
        return TradingEffect(at=now, new_orders=refused, reason=reason, forced=True, until=until)
    if system in ("post_only", "limit_only"):
        return TradingEffect(at=now, only=system, until=until)
    if system in (ONLINE, ""):
        return TradingEffect(at=now)
    reason = f"The exchange says that it is in {system}, which is not known to take orders."
    return TradingEffect(at=now, new_orders=NewOrders.ASK, reason=reason, until=until)


def of_event(event: MaintenanceEvent, now: int) -> TradingEffect:
    """Return the effect of a planned window that is announced, or that has begun."""
    if not event.concerns_spot:
        return TradingEffect(at=now)
    left_ns = None if event.expected_start is None else event.expected_start - now
    can_cancel = event.cancel_before is None or now < event.cancel_before
    urged = event.recommended_action == "cancel_open_orders" or event.phase in (IMMINENT, FINAL)
    due = (
        event.cancel_before is not None
        and event.cancel_before - OFFER_NS <= now
        and (left_ns is None or left_ns > 0)
    )
    orders, switch = _orders(event), _switch(event)
    reason = ""
    if orders is not NewOrders.ALLOWED:
        reason = _reason(event, now, refused=orders is NewOrders.REFUSED)
    return TradingEffect(
        at=now,
        new_orders=orders,
        reason=reason,
        switch=switch,
        key=event.key,
        title=title_of(event),
        starts=event.expected_start,
        ends=event.expected_end,
        cancel_before=event.cancel_before,
        offers_cancel=can_cancel and (urged or due),
        expects_loss=event.recommended_action == "disconnect_and_wait",
        counting=orders is not NewOrders.ALLOWED
        or (left_ns is not None and 0 <= left_ns <= COUNTDOWN_NS),
    )


def of_incident(incident: Incident, now: int) -> TradingEffect:
    """Return the effect of an incident that is not resolved."""
    if not incident.concerns_spot or incident.impact not in ("major", "critical"):
        return TradingEffect(at=now)
    state = f", {incident.incident_status}" if incident.incident_status else ""
    reason = f"The exchange reports a {incident.impact} incident{state}: {title_of(incident)}."
    return TradingEffect(at=now, new_orders=NewOrders.ASK, reason=reason)


def strictest(effects: Iterable[TradingEffect], now: int) -> TradingEffect:
    """Return one or several effects as one: the strictest of each, the times of the nearest."""
    found = list(effects)
    orders, switches = list(NewOrders), list(SwitchAdvice)
    worst = max(found, key=lambda one: (orders.index(one.new_orders), one.forced))
    windows = [one for one in found if one.key]
    # Those that are counted down come first, then the others by their start.
    nearest = min(
        windows,
        key=lambda one: (not one.counting, one.starts is None, one.starts or 0),
        default=None,
    )
    merged = TradingEffect(
        at=now,
        new_orders=worst.new_orders,
        reason=worst.reason,
        forced=worst.forced,
        only=next((one.only for one in found if one.only), ""),
        cancels=all(one.cancels for one in found),
        switch=max((one.switch for one in found), key=switches.index),
        until=max((one.until for one in found if one.until is not None), default=None),
        offers_cancel=any(one.offers_cancel for one in found) and all(one.cancels for one in found),
        expects_loss=any(one.expects_loss for one in found),
    )
    if nearest is None:
        return merged
    return msgspec.structs.replace(
        merged,
        key=nearest.key,
        title=nearest.title,
        starts=nearest.starts,
        ends=nearest.ends,
        cancel_before=nearest.cancel_before,
        counting=nearest.counting,
    )


def _orders(event: MaintenanceEvent) -> NewOrders:
    if (
        event.order_submission == "blocked"
        or event.recommended_action == "stop_new_orders"
        or event.phase == FINAL
    ):
        return NewOrders.REFUSED
    if (
        event.order_submission == "discouraged"
        or event.recommended_action in ("reduce_activity", "cancel_open_orders")
        or event.phase in (APPROACHING, IMMINENT)
    ):
        return NewOrders.ASK
    return NewOrders.ALLOWED


def _switch(event: MaintenanceEvent) -> SwitchAdvice:
    if _orders(event) is NewOrders.REFUSED:
        return SwitchAdvice.NOT_ANEW
    if event.phase == IMMINENT or event.recommended_action == "cancel_open_orders":
        return SwitchAdvice.ASK
    return SwitchAdvice.KEEP


def _reason(event: MaintenanceEvent, now: int, *, refused: bool) -> str:
    """Say why orders are refused or asked about, and how long that may last."""
    words = (event.order_submission, event.recommended_action, event.phase)
    stated = next(word for word in words if word not in NOTHING_ASKED).replace("_", " ")
    when = ""
    if event.expected_start is not None:
        left_ns = event.expected_start - now
        when = f" in {length_text(left_ns)}" if left_ns > 0 else " is due"
        when += f", at {clock_text(event.expected_start, now)}"
    until = f", until about {clock_text(event.expected_end, now)}" if event.expected_end else ""
    end = "no new orders are sent." if refused else "send only what must be sent."
    return f"Maintenance{when}{until} ({title_of(event)}; {stated}): {end}"
