//! The setup phase: commands that may use credentials, before main exists.
//!
//! In: what the policy lets setup do. Out: a prepared tree, and output in which
//! no value stands.
//!
//! **Never:** a clear value in our own output, whoever wrote it.

pub mod relay;
