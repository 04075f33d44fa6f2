//! Waits that other parts of this module need, made of [`super::wait`].

use super::wait::rules::Verdict;
use super::wait::{Rule, until};
use super::{Cluster, Target};
use crate::failure::Result;
use crate::object::Object;
use std::time::Duration;

impl Cluster {
    /// The object, once it exists and `is_so` holds for it; `want` completes the sentence "not … after 30 s".
    ///
    /// # Errors
    /// `Timeout` when it does not get there, or when the cluster refuses to answer.
    pub async fn wait_for(
        &self,
        target: &Target,
        limit: Duration,
        want: &str,
        is_so: impl Fn(&Object) -> bool + Send + Sync + 'static,
    ) -> Result<Object> {
        let rule = Rule::new(want, move |object| match object {
            Some(object) if is_so(object) => Verdict::Done("is as wanted".into()),
            Some(_) => Verdict::Progressing("exists".into()),
            None => Verdict::Progressing("does not exist".into()),
        });
        until(self, target, rule, limit).await
    }

    /// Returns when this object, told by its uid, is gone.
    pub(super) async fn until_gone(&self, target: &Target, uid: &str, limit: Duration) -> Result<()> {
        until(self, target, Rule::gone(Some(uid.to_owned())), limit).await.map(drop)
    }
}
