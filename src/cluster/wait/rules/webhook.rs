//! Webhook configurations: every webhook trusts a certificate. That its service answers is confirmed elsewhere.

use super::{Verdict, done, progressing};
use crate::object::{Node, Object};

/// A service that a webhook calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackingService {
    /// Namespace of the service.
    pub namespace: String,
    /// Name of the service.
    pub name: String,
}

pub(super) fn verdict(object: &Object) -> Verdict {
    let webhooks = object.items_at("webhooks");
    let untrusting = webhooks.iter().find(|webhook| {
        let config = webhook.get("clientConfig");
        let needs_bundle = config.and_then(|config| config.get("service")).is_some();
        let bundle = config.and_then(|config| config.get("caBundle")).and_then(Node::as_str);
        needs_bundle && bundle.is_none_or(|bundle| bundle.trim().is_empty())
    });
    match untrusting.and_then(|webhook| webhook.get("name")?.as_str()) {
        Some(name) => progressing(format!("webhook {name} has no caBundle yet")),
        None if untrusting.is_some() => progressing("a webhook has no caBundle yet"),
        None => done(format!("{} webhooks have their caBundle", webhooks.len())),
    }
}

/// The services that a configuration's webhooks call, each once.
pub fn backing_services(object: &Object) -> Vec<BackingService> {
    let mut found = Vec::new();
    for webhook in object.items_at("webhooks") {
        let text = |key| Some(webhook.get("clientConfig")?.get("service")?.get(key)?.as_str()?.to_owned());
        let (Some(namespace), Some(name)) = (text("namespace"), text("name")) else { continue };
        let service = BackingService { namespace, name };
        if !found.contains(&service) {
            found.push(service);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, object};
    use super::*;

    fn configuration(bundles: [&str; 2]) -> String {
        let webhook = |name: &str, bundle: &str| {
            format!(
                "{{name: {name}, clientConfig: {{service: {{namespace: istio-system, name: istiod}}, caBundle: '{bundle}'}}}}"
            )
        };
        let webhooks = [webhook("one", bundles[0]), webhook("two", bundles[1])].join(", ");
        format!(
            "{{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {{name: c}}, webhooks: [{webhooks}]}}"
        )
    }

    #[test]
    fn every_webhook_needs_its_bundle() {
        check(&[
            ('D', "2 webhooks", configuration(["Y2E=", "Y2E="])),
            ('P', "webhook two has no", configuration(["Y2E=", ""])),
        ]);
    }

    #[test]
    fn webhooks_outside_the_cluster_need_none() {
        check(&[('D', "1 webhooks", "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, webhooks: [{name: u, clientConfig: {url: 'https://x'}}]}".into())]);
    }

    #[test]
    fn services_are_named_once() {
        let services = backing_services(&object(&configuration(["", ""])));
        assert_eq!(services, [BackingService { namespace: "istio-system".into(), name: "istiod".into() }]);
    }
}
