//! The setup phase: what has to hold before a command may use a credential.
//!
//! In: the policy's setup and main's identity. Out: faults, or the way is free.
//!
//! **Never:** trust in what an earlier main could have prepared.

pub mod ground;
