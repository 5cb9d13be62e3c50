"""bnbook: a course on Batch Normalization and the package it builds. `bnbook` prints the map."""
