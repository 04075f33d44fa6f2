//! What decoding and editing costs: `cargo bench --bench objects`.

use meshwright::object::{Node, from_json, yaml};
use std::hint::black_box;

fn main() {
    divan::main();
}

/// A list of pods as an API server sends it.
fn pods(count: usize) -> Vec<u8> {
    let pod = |n: usize| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("helloworld-{n}"), "namespace": "sample", "labels": {"app": "helloworld", "version": "v1"}},
            "spec": {"containers": [{"name": "helloworld", "image": "examples-helloworld-v1:1.0", "ports": [{"containerPort": 5000, "protocol": "TCP"}]}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        })
    };
    let list =
        serde_json::json!({"apiVersion": "v1", "kind": "PodList", "items": (0..count).map(pod).collect::<Vec<_>>()});
    list.to_string().into_bytes()
}

#[divan::bench(args = [1, 500, 10_000])]
fn decode_a_list_of_pods(bencher: divan::Bencher, count: usize) {
    let bytes = pods(count);
    bencher.counter(divan::counter::BytesCount::new(bytes.len())).bench(|| from_json(black_box(&bytes)));
}

/// The same by the value type that most programs use.
#[divan::bench(args = [1, 500, 10_000])]
fn decode_a_list_of_pods_with_serde_json(bencher: divan::Bencher, count: usize) {
    let bytes = pods(count);
    bencher
        .counter(divan::counter::BytesCount::new(bytes.len()))
        .bench(|| serde_json::from_slice::<serde_json::Value>(black_box(&bytes)));
}

#[divan::bench]
fn set_an_address_in_the_mesh_networks(bencher: divan::Bencher) {
    let text = "# Network map\nnetworks:\n  network1:\n    endpoints:\n    - fromRegistry: Kubernetes\n    gateways:\n    - address: 0.0.0.0\n      port: 443\n";
    let address = Node::Str("10.200.1.10".into());
    bencher.bench(|| yaml::set(black_box(text), "networks.network1.gateways[0].address", &address));
}
