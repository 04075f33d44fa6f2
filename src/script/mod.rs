//! What a script is before it runs: its header, its parameters, where it comes from.
