"""The exchange's announcements so far, those that were told, and their effect on orders now.

A `MaintenanceTracker` takes every `Status` of every connection. It tells each event once a
phase, however often the exchange repeats it and however often a connection comes back, and
remembers an event after it has left the list: it leaves when its window starts. Pure: the time
is that of the message, or is given.

Sources: as in `kracked.protocol.maintenance.announcements`
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from datetime import tzinfo
from enum import StrEnum

import msgspec

from kracked.protocol.events import Event, Status
from kracked.protocol.maintenance import trading_effect
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent, is_elsewhere
from kracked.protocol.maintenance.trading_effect import (
    FINAL,
    IMMINENT,
    ONLINE,
    NewOrders,
    SwitchAdvice,
    TradingEffect,
)
from kracked.protocol.maintenance.words import clock_text, event_text, incident_text, title_of
from kracked.times import NS_PER_S

MOST_REMEMBERED = 200
"""Events and incidents that are remembered; of more, those not heard of for longest are dropped."""
MOST_TOLD = 100
"""Announcements that are kept to be read later."""
EARLY_NS = 60 * NS_PER_S
"""How long before its start an event may leave the list because its window starts."""
LATE_NS = 120 * NS_PER_S
"""How long after its start an engine that says it is online is believed to some extent."""
UNKNOWN_LENGTH_NS = 7200 * NS_PER_S
"""How long a window without an expected end is remembered."""


class MaintenanceNews(StrEnum):
    """The subject of an announcement."""

    PHASE = "phase"
    """A planned event is new, or in its next phase."""
    CHANGED = "changed"
    """Times, or what is asked, changed within a phase."""
    WITHDRAWN = "withdrawn"
    """An event left the list long before its start."""
    BEGUN = "begun"
    """A window began."""
    OVER = "over"
    """A window is over."""
    INCIDENT = "incident"
    """An incident is new, or has another status, impact or forecast."""
    RESOLVED = "resolved"
    """An incident left the list."""


class Announcement(Event, frozen=True, kw_only=True, tag="announcement"):
    """One thing to tell once; a feed gives it among its events."""

    news: MaintenanceNews
    key: str
    """The key of the event or incident."""
    subject: MaintenanceEvent | Incident

    @property
    def urgent(self) -> bool:
        """Whether orders are affected now, or soon."""
        if self.news in (MaintenanceNews.WITHDRAWN, MaintenanceNews.OVER, MaintenanceNews.RESOLVED):
            return False
        if isinstance(self.subject, Incident):
            return self.subject.impact in ("major", "critical")
        effect = trading_effect.of_event(self.subject, self.received)
        return effect.new_orders is not NewOrders.ALLOWED

    @property
    def good(self) -> bool:
        """Whether something is well again."""
        return self.news in (
            MaintenanceNews.WITHDRAWN,
            MaintenanceNews.OVER,
            MaintenanceNews.RESOLVED,
        )

    def text(self, zone: tzinfo | None = None) -> str:
        """Return one line for people, with local times; `zone` replaces the computer's own."""
        title = title_of(self.subject)
        if isinstance(self.subject, Incident):
            resolved = self.news is MaintenanceNews.RESOLVED
            return (
                f"incident resolved: {title}"
                if resolved
                else incident_text(self.subject, self.received, zone)
            )
        end = self.subject.expected_end
        match self.news:
            case MaintenanceNews.CHANGED:
                return f"changed: {event_text(self.subject, self.received, zone)}"
            case MaintenanceNews.WITHDRAWN:
                return f"maintenance is no longer announced: {title}"
            case MaintenanceNews.BEGUN:
                until = (
                    f" until about {clock_text(end, self.received, zone)}"
                    if end is not None
                    else ""
                )
                return f"maintenance has begun{until}: {title}"
            case MaintenanceNews.OVER:
                return f"maintenance is over: {title}"
            case _:
                return event_text(self.subject, self.received, zone)


class _Window:
    """The knowledge of one planned event."""

    def __init__(self, event: MaintenanceEvent) -> None:
        self.event = event
        self.told: set[Hashable] = set()
        """The phases and the terms that were told."""
        self.begun = self.withdrawn = self.over = False
        self.engine_left = False
        """Whether the engine was in another state than online since the window began."""

    @property
    def expires(self) -> int | None:
        """The time from which nothing of it can be on; None while its times are not known."""
        start, end = self.event.expected_start, self.event.expected_end
        if start is None:
            return end
        # An end before the start says nothing.
        return end if end is not None and end > start else start + UNKNOWN_LENGTH_NS

    def effective(self, now: int, *, online: bool) -> bool:
        """Whether it still counts."""
        if self.over or self.withdrawn:
            return False
        return not online or self.expires is None or now < self.expires


class MaintenanceTracker:
    """The announcements in force, and their effect. It changes by `apply` and by nothing else.

    Attributes:
        system: The engine's state in the exchange's word; empty before the first status.
        latest: The last status; None before the first.
        standing: The same, with the lists of the last one that had them.
        announcements: The latest that were told, oldest first.
        told: How many were told so far.
    """

    def __init__(self) -> None:
        self.system = ""
        self.latest: Status | None = None
        self.standing: Status | None = None
        self.announcements: deque[Announcement] = deque(maxlen=MOST_TOLD)
        self.told = 0
        self._windows: dict[str, _Window] = {}
        """By key, the one last heard of last."""
        self._incidents: dict[str, Incident] = {}
        """Those that are not resolved."""
        self._told_incidents: dict[str, set[Hashable]] = {}

    # --- reading --------------------------------------------------------------------------

    def upcoming(self, now: int) -> tuple[MaintenanceEvent, ...]:
        """Return the planned events that are ahead or on, the nearest first.

        Args:
            now: This moment, ns since the Unix epoch.
        """
        online = self.system in (ONLINE, "")
        found = [
            window.event
            for window in self._windows.values()
            if window.effective(now, online=online)
        ]
        return tuple(sorted(found, key=lambda it: (it.expected_start is None, it.expected_start)))

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The incidents that are not resolved."""
        return tuple(self._incidents.values())

    def effect(self, now: int) -> TradingEffect:
        """Return what all of it means for orders at this moment.

        Args:
            now: This moment, ns since the Unix epoch.
        """
        online = self.system in (ONLINE, "")
        counted = [
            window
            for window in self._windows.values()
            if window.effective(now, online=online) and window.event.concerns_spot
        ]
        ends = [
            it.event.expected_end
            for it in counted
            if it.event.expected_end and (it.begun or _is_due(it.event, now))
        ]
        of_system = trading_effect.of_system(self.system, now, max(ends, default=None))
        if not counted and not self._incidents:
            return of_system
        effects = [of_system]
        # Once the engine has left `online` its own state says what is allowed.
        effects += [self._effect_of(it, now) for it in counted if not (it.begun and it.engine_left)]
        effects += [trading_effect.of_incident(it, now) for it in self._incidents.values()]
        return trading_effect.strictest(effects, now)

    def _effect_of(self, window: _Window, now: int) -> TradingEffect:
        """Return a window's effect; milder when the engine says well after its start it is online.

        The client may have missed the whole outage, or the exchange may have put it off.
        """
        effect, start = trading_effect.of_event(window.event, now), window.event.expected_start
        if not window.begun or self.latest is None or start is None:
            return effect
        if self.latest.received < start + LATE_NS:
            return effect
        ask = min(effect.new_orders, NewOrders.ASK, key=list(NewOrders).index)
        switch = min(effect.switch, SwitchAdvice.ASK, key=list(SwitchAdvice).index)
        return msgspec.structs.replace(effect, new_orders=ask, switch=switch)

    # --- changing -------------------------------------------------------------------------

    def apply(self, status: Status) -> list[Announcement]:
        """Take in a status, and return what is to be told: each thing once, ever."""
        now, before = status.received, self.system
        self.latest, self.system = status, status.system
        self.standing = status.after(self.standing)
        news = self._apply_listed(status, now)
        news += self._apply_unlisted(status, now)
        news += self._apply_incidents(status, now)
        if status.system == ONLINE and before != ONLINE:
            for window in self._windows.values():  # what it was down for is over
                if window.begun and window.engine_left and not window.over:
                    window.over = True
                    news += self._about(window, now, MaintenanceNews.OVER)
        for kept in (self._windows, self._told_incidents):
            while len(kept) > MOST_REMEMBERED:
                del kept[next(iter(kept))]
        self.announcements.extend(news)
        self.told += len(news)
        return news

    def _apply_listed(self, status: Status, now: int) -> list[Announcement]:
        """Take in the events of the list; tell new phases, and new terms within a phase."""
        news: list[Announcement] = []
        for event in status.upcoming_maintenance:
            window = self._windows.pop(event.key, None) or _Window(event)
            self._windows[event.key] = window
            rescheduled = window.event.expected_start != event.expected_start
            window.event, window.withdrawn = event, False
            if window.over and not rescheduled and _is_due(event, now):
                continue  # another connection's status is as old as that
            window.over = window.begun = False
            window.engine_left &= not rescheduled
            window.engine_left |= status.system != ONLINE and _is_late(event, now)
            phase, terms = ("phase", event.phase), ("terms", *_terms(event))
            kind = MaintenanceNews.PHASE if phase not in window.told else MaintenanceNews.CHANGED
            if not {phase, terms} <= window.told and not is_elsewhere(event.affected_services):
                news.append(Announcement(received=now, news=kind, key=event.key, subject=event))
            window.told |= {phase, terms}
        return news

    def _apply_unlisted(self, status: Status, now: int) -> list[Announcement]:
        """Find out what became of events that the list no longer holds."""
        news: list[Announcement] = []
        listed = {event.key for event in status.upcoming_maintenance}
        online = status.system == ONLINE
        for key, window in self._windows.items():
            if key in listed or window.over or window.withdrawn:
                continue
            event, expires = window.event, window.expires
            if not window.begun:
                if _is_late(event, now) or (status.lists_stated and not online):
                    window.begun = True
                    news += self._about(window, now, MaintenanceNews.BEGUN)
                elif status.lists_stated:
                    window.withdrawn = True
                    news += self._about(window, now, MaintenanceNews.WITHDRAWN)
                else:  # nothing was said about any event
                    continue
            window.engine_left |= window.begun and not online
            if window.begun and online and expires is not None and now >= expires:
                window.over = True
                news += self._about(window, now, MaintenanceNews.OVER)
        return news

    def _about(self, window: _Window, now: int, kind: MaintenanceNews) -> list[Announcement]:
        """Return one announcement; none about services that this program does not use."""
        event = window.event
        if is_elsewhere(event.affected_services) or (kind, event.expected_start) in window.told:
            return []
        window.told.add((kind, event.expected_start))
        return [Announcement(received=now, news=kind, key=event.key, subject=event)]

    def _apply_incidents(self, status: Status, now: int) -> list[Announcement]:
        """Replace the incidents; tell what is new of each, and what is resolved."""
        if not status.lists_stated:
            return []
        news: list[Announcement] = []
        before, self._incidents = self._incidents, {it.key: it for it in status.emergency}
        for key, incident in self._incidents.items():
            if is_elsewhere(incident.affected_services):
                continue
            told = self._told_incidents.setdefault(key, set())
            facts = (incident.incident_status, incident.impact, incident.next_steps)
            if facts not in told:
                told.add(facts)
                news.append(
                    Announcement(
                        received=now, news=MaintenanceNews.INCIDENT, key=key, subject=incident
                    )
                )
        for key, incident in before.items():
            told = self._told_incidents.setdefault(key, set())
            if key not in self._incidents and MaintenanceNews.RESOLVED not in told:
                told.add(MaintenanceNews.RESOLVED)
                if not is_elsewhere(incident.affected_services):
                    news.append(
                        Announcement(
                            received=now, news=MaintenanceNews.RESOLVED, key=key, subject=incident
                        )
                    )
        return news


def _is_due(event: MaintenanceEvent, now: int) -> bool:
    """Whether a window may be on, by its expected start."""
    return event.expected_start is None or now >= event.expected_start - EARLY_NS


def _is_late(event: MaintenanceEvent, now: int) -> bool:
    """Whether a window may be on, by its phase or its expected start."""
    return event.phase in (IMMINENT, FINAL) or _is_due(event, now)


def _terms(event: MaintenanceEvent) -> tuple[Hashable, ...]:
    """Return what is worth telling when it changes within a phase."""
    return (
        event.phase,
        event.expected_start,
        event.expected_end,
        event.cancel_before,
        event.order_submission,
        event.recommended_action,
    )
