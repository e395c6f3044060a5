"""Use cases, one function each: read from the store, compute, write once."""
