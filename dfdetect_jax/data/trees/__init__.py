"""What the catalogs share: reading a data set's tree, findings about it, and splits that no person crosses."""
