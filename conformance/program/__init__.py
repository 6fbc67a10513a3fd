"""Programs: what they are made of, how they are read and written, and how they print as a torch script."""
