//! Claims about the binary.
