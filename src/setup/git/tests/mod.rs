//! Claims about addresses, the socket's two ends and keys.

mod keys;
mod matching;
mod messages;
mod serving;
