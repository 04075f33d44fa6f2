//! Services of type LoadBalancer: the cloud's part, which gives them an address after a while.

use super::address::{LoadBalancer, Pool};
use super::turn::{Event, Id, Turn, is_terminating, items, text};
use serde_json::{Value, json};

const COMPONENT: &str = "service-controller";

/// Gives a load balancer its address, or takes the address from a service that is none any more.
pub(crate) fn reconcile(turn: &mut Turn<'_>, id: &Id) {
    let Some(service) = turn.get("Service", id) else { return };
    let has_address = !items(&service, "/status/loadBalancer/ingress").is_empty();
    if is_terminating(&service) {
        return;
    }
    if text(&service, "/spec/type") != "LoadBalancer" || !text(&service, "/spec/loadBalancerClass").is_empty() {
        if has_address && text(&service, "/spec/type") != "LoadBalancer" {
            turn.patch(&service, json!({ "status": { "loadBalancer": { "ingress": null } } }));
        }
        return;
    }
    if !has_address {
        provide(turn, &service);
    }
}

fn provide(turn: &mut Turn<'_>, service: &Value) {
    let provider = turn.view().load_balancer();
    // Where nobody provides load balancers, nobody says so either.
    let Some(delay) = provider.delay() else { return };
    if !turn.is_in("ensuring") {
        turn.event(service, Event::normal("EnsuringLoadBalancer", "Ensuring load balancer", COMPONENT));
    }
    if !turn.stayed("ensuring", delay) {
        return;
    }
    let ingress = match &provider {
        LoadBalancer::Hostname(suffix) => json!({ "hostname": hostname(service, suffix) }),
        _ => json!({ "ip": ip(turn, service), "ipMode": "VIP" }),
    };
    turn.patch(service, json!({ "status": { "loadBalancer": { "ingress": [ingress] } } }));
    turn.event(service, Event::normal("EnsuredLoadBalancer", "Ensured load balancer", COMPONENT));
}

fn ip(turn: &Turn<'_>, service: &Value) -> String {
    match text(service, "/spec/loadBalancerIP") {
        "" => turn.view().address(Pool::LoadBalancer),
        asked => asked.to_owned(),
    }
}

/// A name as clouds make them: letters from the service's uid below the provider's domain.
fn hostname(service: &Value, suffix: &str) -> String {
    let plain: String = text(service, "/metadata/uid").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("a{plain}.{}", suffix.trim_start_matches('.'))
}
