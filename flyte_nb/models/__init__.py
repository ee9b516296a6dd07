"""Plain values that every room may hold: phases, identities, records and events."""

from .phases import ActionPhase as ActionPhase

__all__ = ["ActionPhase"]
