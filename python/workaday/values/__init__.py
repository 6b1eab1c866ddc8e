"""The strict table of values that a job may carry, and their JSON. Nothing is converted silently, in either direction."""
