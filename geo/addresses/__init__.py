"""Addresses: Chinese addresses taken apart, and found in the town's register."""

from geo.addresses.geocoding import GRADES, geocode
from geo.addresses.parser import PARTS, parse

__all__ = ["GRADES", "PARTS", "geocode", "parse"]
