"""What exists and who may call it: manifests in, one immutable snapshot out. Knows nothing of how messages move."""
