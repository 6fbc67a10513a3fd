"""The engines under test."""
