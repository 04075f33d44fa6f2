//! Ctrl-C: the first ends the run in good order, the second ends the process.

use tokio_util::sync::CancellationToken;

/// Cancels the run at the first interrupt, leaves at the second.
pub async fn watch(cancel: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    eprintln!("\ninterrupted: ending in good order; press Ctrl-C again to leave at once");
    cancel.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
