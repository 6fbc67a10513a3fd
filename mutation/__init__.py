"""Whether the suite notices when the reference is changed: mutants of the engine, and what kills them."""
