"""Suggested rounds: walks along streets and to doors, within the time there is."""

from geo.patrol.routes.gpx import directions, to_gpx
from geo.patrol.routes.network import Attached, WalkNetwork, attach, walk_network
from geo.patrol.routes.postman import postman
from geo.patrol.routes.rounds import round_in_time
from geo.patrol.routes.visits import visits
from geo.patrol.routes.walk import WALKING_MPS, Route, Visit, Walk, legs
from geo.patrol.routes.week import Week, week_of_rounds, worth_by_age

__all__ = [
    "WALKING_MPS",
    "Attached",
    "Route",
    "Visit",
    "Walk",
    "WalkNetwork",
    "Week",
    "attach",
    "directions",
    "legs",
    "postman",
    "round_in_time",
    "to_gpx",
    "visits",
    "walk_network",
    "week_of_rounds",
    "worth_by_age",
]
