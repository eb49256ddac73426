//! Credentials for Git during one command of setup.
//!
//! In: rules that say which address may have which secret, and the values from
//! whoever holds them. Out: answers to git over a socket that only this
//! command's user can use, and a private SSH agent for keys.
//!
//! Git is told of the socket by its own variables (`environment`), starts us as
//! its helper (`client`), and the helper passes the question (`request`) to
//! PID 1 (`server`), which looks for a rule (`rules`).
//!
//! **Never:** a value on a disk, in an argument or in a variable.

pub mod agent;
pub mod answer;
pub mod client;
pub mod environment;
pub mod fault;
mod key;
pub mod remark;
pub mod request;
pub mod rules;
pub mod server;
#[cfg(test)]
mod tests;
