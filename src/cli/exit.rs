//! Exit codes, in one table.

use crate::failure::{Failure, Kind};

/// Done.
pub const DONE: u8 = 0;
/// The script or a cluster said no.
pub const REFUSED: u8 = 1;
/// There are differences.
pub const DIFFERENCES: u8 = 2;
/// A wait timed out.
pub const TIMED_OUT: u8 = 3;
/// Usage, parameters or rights.
pub const USAGE: u8 = 4;
/// A cluster could not be reached.
pub const UNREACHABLE: u8 = 5;
/// The exit code that a failure ends the program with.
pub fn code(failure: &Failure) -> u8 {
    match failure.kind {
        Kind::Timeout => TIMED_OUT,
        Kind::Usage | Kind::Rights => USAGE,
        Kind::Unreachable => UNREACHABLE,
        // 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
        Kind::Cancelled => crate::run::interrupt::code(),
        _ => REFUSED,
    }
}
