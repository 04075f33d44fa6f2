//! What the credentials in use may do.

use super::request::{content, request_with};
use super::{Cluster, Resource};
use crate::failure::Result;
use http::Method;
use serde_json::json;

/// The answer of the cluster's authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The authorizer's reason, if it gave one.
    pub reason: String,
}

impl Cluster {
    /// Whether these credentials may do this: a SelfSubjectAccessReview. Without a namespace: in all of them, or outside.
    ///
    /// # Errors
    /// When the cluster does not answer the question.
    pub async fn can(&self, verb: &str, resource: &Resource, namespace: Option<&str>) -> Result<Access> {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb,
                "group": resource.group,
                "version": resource.version,
                "resource": resource.plural,
                "namespace": namespace.filter(|_| resource.namespaced).unwrap_or_default(),
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let review = self.send(request_with(Method::POST, path, content::JSON, &body)?).await?;
        let allowed = review.at("status.allowed").and_then(crate::object::Node::as_bool).unwrap_or(false);
        Ok(Access { allowed, reason: review.str_at("status.reason").unwrap_or_default().to_owned() })
    }
}
