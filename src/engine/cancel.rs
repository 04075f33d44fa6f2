//! Ctrl-C as scripts and waits see it: once pressed, everything under way ends. A prompt begins anew afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Whether the user has interrupted what is going on; clones share it.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Looked at between any two operations of a script: cheaper than the token.
    pressed: AtomicBool,
    token: Mutex<CancellationToken>,
}

impl Cancel {
    /// Ends everything under way.
    pub fn cancel(&self) {
        self.0.pressed.store(true, Ordering::SeqCst);
        self.token().cancel();
    }

    /// Whether everything under way is to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.pressed.load(Ordering::Relaxed)
    }

    /// Returns when everything is to end.
    pub async fn cancelled(&self) {
        self.token().cancelled_owned().await;
    }

    /// Begins anew: what starts from now on goes its way.
    pub fn renew(&self) {
        *self.0.token.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        self.0.pressed.store(false, Ordering::SeqCst);
    }

    fn token(&self) -> CancellationToken {
        self.0.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_starts_after_an_interrupt_goes_its_way() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        cancel.cancel();
        other.cancelled().await;
        assert!(other.is_cancelled());
        cancel.renew();
        assert!(!other.is_cancelled());
        let short = std::time::Duration::from_millis(5);
        assert!(tokio::time::timeout(short, other.cancelled()).await.is_err());
    }
}
