"""Offices, calendars, slots and reservations."""
