"""`prepare`: from the clips of a catalog, or the embedded data set, to records."""
