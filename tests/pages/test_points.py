"""Points of a finished curve: measured once, ahead in the background or when they are asked for, and left alone."""

from __future__ import annotations

from pages.session.points import Points
from tests.engine.studies import plain_study
from tests.pages.conftest import measure_all


def test_points_are_measured_ahead_once_and_found_ready():
    base, points = plain_study(rivals="none", min_effective_sample_size=0.97), Points()
    measure_all(points, base, None)
    begun = points._measuring
    measure_all(points, base, None)
    assert begun is not None and points._measuring is begun, "one measuring for a result"
    ended = begun[1].ended(60)
    assert ended is not None and ended.error is None
    feasible = [point.strength for point in base.curve.points if point.feasible]
    assert len(feasible) >= 3 and {strength for strength, _ in points._known} == set(feasible)
    found = points.at(base, feasible[1], None)
    assert found is points._known[feasible[1], None] and found.strength == feasible[1]


def test_measuring_ahead_stops_when_it_is_told_to():
    base, points = plain_study(rivals="none", min_effective_sample_size=0.97), Points()
    measure_all(points, base, None)
    assert points._measuring is not None
    work = points._measuring[1]
    points.stop()
    ended = work.ended(60)
    assert points._measuring is None and ended is not None and ended.error is None
