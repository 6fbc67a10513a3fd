"""Running Programs: one interpreter for all subjects, what it looks at, and the processes it runs in."""
