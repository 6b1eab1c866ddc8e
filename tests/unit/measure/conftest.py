"""The measures are held against real servers."""

from postgres import postgres

__all__ = ["postgres"]
