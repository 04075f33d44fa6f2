//! The log of a container.

use crate::cluster::Cluster;
use crate::cluster::path::{query, segment};
use crate::cluster::request::request;
use crate::failure::{Failure, Kind, Result};
use crate::secret::Redactor;
use http::Method;
use std::time::Duration;

/// Lines from the end of a log unless asked otherwise: whoever reads one into a script wants its end.
const TAIL: i64 = 10_000;

/// Which part of which log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; the default one when left out.
    pub container: Option<String>,
    /// Only this many lines from the end; ten thousand when left out.
    pub tail: Option<i64>,
    /// Only what is younger than this.
    pub since: Option<Duration>,
    /// The log of the container's previous run, before it crashed.
    pub previous: bool,
}

impl Cluster {
    /// The log of a container of a pod, known secrets replaced by their names.
    ///
    /// # Errors
    /// `NotFound` when there is no such pod or container, `Invalid` when the pod has several containers and none is
    /// named, or the container has not started yet.
    pub async fn logs(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String> {
        let container = self.container_of(namespace, pod, options.container.as_deref()).await?;
        let uri = uri(namespace, pod, &container, options);
        let title = format!("Pod {namespace}/{pod}");
        let bytes = self.fetch(request(Method::GET, uri)?).await.map_err(|failure| explained(failure, &title))?;
        Ok(Redactor::global().scrub(&String::from_utf8_lossy(&bytes)))
    }
}

fn uri(namespace: &str, pod: &str, container: &str, options: &LogOptions) -> String {
    let tail = options.tail.unwrap_or(TAIL).to_string();
    let since = options.since.map(|since| since.as_secs().max(1).to_string());
    let pairs = [
        ("container", Some(container)),
        ("tailLines", Some(&tail)),
        ("sinceSeconds", since.as_deref()),
        ("previous", options.previous.then_some("true")),
    ];
    let pairs: Vec<_> = pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    format!("/api/v1/namespaces/{}/pods/{}/log{}", segment(namespace), segment(pod), query(&pairs))
}

fn explained(mut failure: Failure, title: &str) -> Failure {
    failure.object = Some(title.to_owned());
    if failure.kind == Kind::Invalid && failure.message.contains("a container name must be specified") {
        return failure.hint("name one with the option `container`");
    }
    if failure.message.contains("previous terminated container") {
        return failure.hint("the container has not been restarted: leave the option `previous` out");
    }
    if failure.message.contains("waiting to start") {
        return failure.hint("wait until the pod is ready: `wait.ready(pod)`");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_the_query_of_the_api() {
        let options = LogOptions {
            container: Some("istio-proxy".into()),
            tail: Some(50),
            since: Some(Duration::from_millis(1500)),
            previous: true,
        };
        assert_eq!(
            uri("sample", "a-1", "istio-proxy", &options),
            "/api/v1/namespaces/sample/pods/a-1/log?container=istio-proxy&tailLines=50&sinceSeconds=1&previous=true"
        );
        assert_eq!(
            uri("a", "b", "c", &LogOptions::default()),
            "/api/v1/namespaces/a/pods/b/log?container=c&tailLines=10000"
        );
    }

    #[test]
    fn refusals_say_what_to_do() {
        let failure = Failure::new(Kind::Invalid, "a container name must be specified for pod p, choose one of: [a b]");
        assert_eq!(explained(failure, "Pod n/p").hint.as_deref(), Some("name one with the option `container`"));
    }
}
