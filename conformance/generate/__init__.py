"""Drawing Programs: state-aware, from a tiny choice interface that Hypothesis or a seeded generator drives."""
