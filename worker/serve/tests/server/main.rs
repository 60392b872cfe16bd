//! The server in-process, over hand-made results. One binary, because each links all of the planner.

mod catalog;
mod doors;
mod queries;
mod support;
