"""Judging: comparing Traces, shrinking what differs, and saying who is right."""
