"""FastAPI Quantum Conduit: lets the decimals of π flow, a slice at a time."""
