"""Standing alerts: what is watched for, when and where; what came of it; and how somebody is told."""

from viot_agent.alerts.events import Watched, watched
from viot_agent.alerts.schedule import Schedule, read_schedule
from viot_agent.alerts.types import Alert, Firing, Matcher, Sighting

__all__ = ["Alert", "Firing", "Matcher", "Schedule", "Sighting", "Watched", "read_schedule", "watched"]
