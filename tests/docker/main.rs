//! `compose.example.yml` itself, brought up on the local engine with hostile
//! passwords: Postgres, Redis and an S3 server in place of `MinIO`, each with
//! vestibule as PID 1, and an application that logs in to all of them through
//! the official client libraries. Beside that, the examples, each by the commands
//! that its README shows, and programs of every kind that are to run as ever.
//!
//! The images are made on the spot by `images.sh`; nothing is pulled. A machine
//! without an engine skips these claims and says so, unless `CI` is set.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod images;
#[cfg(test)]
mod kubelet;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod stack;
#[cfg(test)]
mod transcript;
#[cfg(test)]
mod workspace;
