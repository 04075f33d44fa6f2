//! Cells of tables that take more than a line: worded as `k8s.io/kubernetes/pkg/printers/internalversion` words them.

use super::tree::{items, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A value in a cell: text and numbers as they are, everything else as JSON.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
        other => other.clone(),
    }
}

pub(super) fn count(object: &Value, part: &str, key: &str) -> i64 {
    object[part][key].as_i64().unwrap_or(0)
}

pub(super) fn size(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

pub(super) fn ratio(ready: i64, wanted: i64) -> Value {
    format!("{ready}/{wanted}").into()
}

pub(super) fn or_none(value: &Value) -> Value {
    json!(value.as_str().filter(|text| !text.is_empty()).unwrap_or("<none>"))
}

pub(super) fn or_na(value: &Value) -> Value {
    if value.is_null() { json!("N/A") } else { plain(value) }
}

pub(super) fn selector(labels: &Value) -> Value {
    let pairs = labels.as_object().into_iter().flatten();
    let shown: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if shown.is_empty() { json!("<none>") } else { shown.join(",").into() }
}

pub(super) fn containers(object: &Value, key: &str) -> Value {
    let all = items(&object["spec"]["template"]["spec"]["containers"]).iter();
    all.map(|one| text(one, key)).collect::<Vec<_>>().join(",").into()
}

pub(super) fn job_status(job: &Value) -> Value {
    let holds = |kind: &str| {
        items(&job["status"]["conditions"]).iter().any(|one| one["type"] == kind && one["status"] == "True")
    };
    let status = ["Complete", "Failed", "Suspended"].into_iter().find(|kind| holds(kind));
    json!(status.unwrap_or("Running"))
}

pub(super) fn job_duration(job: &Value, now: Timestamp) -> Value {
    let Some(start) = time(&job["status"]["startTime"]) else { return json!("") };
    let end = time(&job["status"]["completionTime"]).unwrap_or(now);
    human(end.as_second() - start.as_second()).into()
}

/// The addresses of a load balancer.
pub(super) fn addresses(balancer: &Value) -> String {
    let shown = |one: &Value| {
        [text(one, "ip"), text(one, "hostname")].into_iter().find(|text| !text.is_empty()).map(str::to_owned)
    };
    items(&balancer["ingress"]).iter().filter_map(shown).collect::<Vec<_>>().join(",")
}

pub(super) fn external_ip(service: &Value) -> Value {
    let spec = &service["spec"];
    let given: Vec<_> = items(&spec["externalIPs"]).iter().filter_map(Value::as_str).collect();
    let balanced = addresses(&service["status"]["loadBalancer"]);
    match text(spec, "type") {
        "ExternalName" => spec["externalName"].clone(),
        "LoadBalancer" if balanced.is_empty() && given.is_empty() => json!("<pending>"),
        "LoadBalancer" if !balanced.is_empty() => [vec![balanced.as_str()], given].concat().join(",").into(),
        _ if given.is_empty() => json!("<none>"),
        _ => given.join(",").into(),
    }
}

pub(super) fn ports(service: &Value) -> Value {
    let shown = |port: &Value| {
        let node =
            port["nodePort"].as_i64().filter(|port| *port > 0).map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{node}/{}", port["port"], text(port, "protocol"))
    };
    let all: Vec<_> = items(&service["spec"]["ports"]).iter().map(shown).collect();
    if all.is_empty() { json!("<none>") } else { all.join(",").into() }
}

pub(super) fn node_status(node: &Value) -> Value {
    let ready =
        items(&node["status"]["conditions"]).iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    let closed = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    format!("{}{closed}", if ready { "Ready" } else { "NotReady" }).into()
}

pub(super) fn roles(node: &Value) -> Value {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<_> = labels.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    if roles.is_empty() { json!("<none>") } else { roles.join(",").into() }
}

pub(super) fn node_address(node: &Value, kind: &str) -> Value {
    let address = items(&node["status"]["addresses"]).iter().find(|one| one["type"] == kind);
    address.map_or_else(|| json!("<none>"), |one| one["address"].clone())
}

pub(super) fn event_object(event: &Value) -> Value {
    let about = &event["involvedObject"];
    format!("{}/{}", text(about, "kind").to_lowercase(), text(about, "name")).into()
}

pub(super) fn last_seen(event: &Value, now: Timestamp) -> Value {
    let times =
        [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"], &event["firstTimestamp"]];
    times.into_iter().find(|time| time.is_string()).map_or_else(|| json!("<unknown>"), |time| age_of(time, now))
}

/// At most three of these, then how many more there are.
fn some(all: &[String]) -> Value {
    match all {
        [] => json!("<none>"),
        few if few.len() <= 3 => few.join(",").into(),
        many => format!("{} + {} more...", many[..3].join(","), many.len() - 3).into(),
    }
}

pub(super) fn endpoints(object: &Value) -> Value {
    let mut all = Vec::new();
    for subset in items(&object["subsets"]) {
        let ports = items(&subset["ports"]);
        for address in items(&subset["addresses"]) {
            match ports {
                [] => all.push(text(address, "ip").to_owned()),
                ports => all.extend(ports.iter().map(|port| format!("{}:{}", text(address, "ip"), port["port"]))),
            }
        }
    }
    some(&all)
}

pub(super) fn slice_ports(slice: &Value) -> Value {
    let all: Vec<_> = items(&slice["ports"]).iter().map(|port| port["port"].to_string()).collect();
    if all.is_empty() { json!("<unset>") } else { some(&all) }
}

pub(super) fn slice_addresses(slice: &Value) -> Value {
    let all = items(&slice["endpoints"]).iter().flat_map(|one| items(&one["addresses"]));
    let all: Vec<_> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    if all.is_empty() { json!("<unset>") } else { some(&all) }
}

pub(super) fn hosts(ingress: &Value) -> Value {
    let all: Vec<_> = items(&ingress["spec"]["rules"])
        .iter()
        .map(|rule| text(rule, "host").to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    if all.is_empty() { json!("*") } else { some(&all) }
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// How long ago a time was.
pub(super) fn age_of(value: &Value, now: Timestamp) -> Value {
    time(value).map_or_else(|| json!("<unknown>"), |then| human(now.as_second() - then.as_second()).into())
}

/// Seconds as `k8s.io/apimachinery/pkg/util/duration.HumanDuration` writes them.
fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let with = |big: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{rest}{small}") }
    };
    match seconds {
        i64::MIN..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => with(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// What a HorizontalPodAutoscaler holds its pods to: nothing measures them here.
pub(super) fn targets(autoscaler: &Value) -> Value {
    let metrics = items(&autoscaler["spec"]["metrics"]);
    let shown: Vec<String> = metrics.iter().take(2).map(target).collect();
    match metrics.len() {
        0 => "<none>".into(),
        1 | 2 => shown.join(", ").into(),
        count => format!("{} + {} more...", shown.join(", "), count - 2).into(),
    }
}

fn target(metric: &Value) -> String {
    let kind = text(metric, "type");
    let part = format!("{}{}", kind.get(..1).unwrap_or_default().to_lowercase(), kind.get(1..).unwrap_or_default());
    let of = &metric[part.as_str()];
    let wanted = &of["target"];
    let name = of["name"].as_str().map(|name| format!("{name}: ")).unwrap_or_default();
    let average = if matches!(kind, "External" | "Object") { " (avg)" } else { "" };
    match (wanted["averageValue"].as_str(), wanted["averageUtilization"].as_i64(), wanted["value"].as_str()) {
        (Some(value), ..) => format!("{name}<unknown>/{value}{average}"),
        (_, Some(percent), _) => format!("{name}<unknown>/{percent}%"),
        (.., Some(value)) => format!("{name}<unknown>/{value}"),
        _ => format!("{name}<unknown>/<auto>"),
    }
}

/// What a ResourceQuota bounds: limits of containers, or everything else.
pub(super) fn quota(quota: &Value, of_limits: bool) -> Value {
    let status = &quota["status"];
    let hard = status["hard"].as_object().into_iter().flatten();
    let wanted = hard.filter(|(resource, _)| resource.starts_with("limits.") == of_limits);
    let line = |(resource, hard): (&String, &Value)| {
        format!(
            "{resource}: {}/{}",
            status["used"][resource].as_str().unwrap_or("0"),
            hard.as_str().unwrap_or_default()
        )
    };
    wanted.map(line).collect::<Vec<_>>().join(", ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_writes_them() {
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (7200, "120m"),
            (10_860, "3h1m"),
            (90_000, "25h"),
            (200_000, "2d7h"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(human(seconds), shown);
        }
    }

    #[test]
    fn services_show_their_addresses_and_ports() {
        let mut service =
            json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 443, "nodePort": 30001, "protocol": "TCP"}]}});
        assert_eq!((external_ip(&service), ports(&service)), (json!("<pending>"), json!("443:30001/TCP")));
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "172.18.0.1"}]}});
        assert_eq!(external_ip(&service), "172.18.0.1");
    }

    #[test]
    fn autoscalers_show_what_they_want() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}});
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "1Gi"}}});
        let of = |metrics: &[&Value]| targets(&json!({"spec": {"metrics": metrics}}));
        assert_eq!(of(&[]), "<none>");
        assert_eq!(of(&[&cpu]), "cpu: <unknown>/50%");
        assert_eq!(of(&[&cpu, &memory]), "cpu: <unknown>/50%, memory: <unknown>/1Gi");
        assert_eq!(of(&[&cpu, &memory, &cpu]), "cpu: <unknown>/50%, memory: <unknown>/1Gi + 1 more...");
    }

    #[test]
    fn quotas_show_requests_and_limits() {
        let status = json!({"hard": {"limits.cpu": "4", "pods": "5", "secrets": "9"}, "used": {"pods": "2"}});
        let one = json!({ "status": status });
        assert_eq!(
            (quota(&one, false), quota(&one, true)),
            (json!("pods: 2/5, secrets: 0/9"), json!("limits.cpu: 0/4"))
        );
    }
}
