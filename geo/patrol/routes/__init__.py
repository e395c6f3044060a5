"""Suggested rounds: walks along streets and to doors, within the time there is."""

from geo.patrol.routes.network import Attached, WalkNetwork, attach, walk_network
from geo.patrol.routes.postman import postman
from geo.patrol.routes.walk import Route, Visit, Walk, legs

__all__ = [
    "Attached",
    "Route",
    "Visit",
    "Walk",
    "WalkNetwork",
    "attach",
    "legs",
    "postman",
    "walk_network",
]
