//! `undo` where controllers work.

use super::stage::Stage;

#[test]
fn what_controllers_made_stops_no_undo() {
    let stage = Stage::new();
    stage.lives();
    let id = stage.ran(
        r##"c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
        c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "web", namespace: "other"},
            spec: #{selector: #{app: "web"}, ports: [#{port: 80}]}});
        c.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "web", namespace: "other"}, spec: #{
            selector: #{matchLabels: #{app: "web"}},
            template: #{metadata: #{labels: #{app: "web"}}, spec: #{containers: [#{name: "a", image: "a"}]}}}});
        wait.until(|| c.exists("Endpoints", "other/web"), #{timeout: "30s"});"##,
    );
    let (code, out, err) = stage.meshwright(&["undo", &id, "--dry-run"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = stage.meshwright(&["undo", &id, "--yes"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(stage.server().get("Namespace", None, "other").is_none(), "{out}{err}");
}
