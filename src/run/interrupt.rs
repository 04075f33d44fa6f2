//! Ctrl-C: the first ends the run in good order, the second ends the process.

use crate::engine::Cancel;

/// Cancels the run at the first interrupt, leaves at the second.
pub async fn watch(cancel: Cancel) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    eprintln!("\ninterrupted: ending in good order; press Ctrl-C again to leave at once");
    cancel.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}

/// At a prompt an interrupt ends what is under way; the prompt stays. When that does not help, the third in a row
/// leaves.
pub async fn watch_prompt(cancel: Cancel) {
    let mut presses = 0;
    while tokio::signal::ctrl_c().await.is_ok() {
        presses = if cancel.is_cancelled() { presses + 1 } else { 1 };
        cancel.cancel();
        match presses {
            1 => {}
            2 => eprintln!("\nstill ending what is under way; press Ctrl-C again to leave at once"),
            _ => std::process::exit(130),
        }
    }
}
