//! Lists in pages, and watches that go on for long.

use super::*;
use std::time::Duration;

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

async fn page(server: &Server, token: &str) -> (u16, Value) {
    let after = if token.is_empty() { String::new() } else { format!("&continue={token}") };
    get(server, &format!("{MAPS}?limit=2{after}")).await
}

#[test]
fn all_pages_are_of_one_moment() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        ["a", "b", "d", "e"].iter().for_each(|name| drop(east.put(config_map(name, json!({"k": "old"})))));
        let (_, first) = page(east, "").await;
        assert_eq!(names(&first), ["a", "b"]);
        east.put(config_map("c", json!({})));
        east.put(config_map("d", json!({"k": "new"})));
        east.remove("ConfigMap", Some("default"), "e");
        let token = first["metadata"]["continue"].as_str().expect("token");
        let (_, second) = page(east, token).await;
        assert_eq!(names(&second), ["d", "e"], "as it was when the list began");
        assert_eq!(second["items"][0]["data"]["k"], "old");
        assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    });
}

#[test]
fn a_list_that_has_expired_can_go_on_with_what_is_there() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        ["a", "b", "d"].iter().for_each(|name| drop(east.put(config_map(name, json!({})))));
        let (_, first) = page(east, "").await;
        east.put(config_map("c", json!({})));
        east.compact();
        let (code, expired) = page(east, first["metadata"]["continue"].as_str().expect("token")).await;
        assert_eq!((code, &expired["reason"]), (410, &json!("Expired")), "{expired}");
        let (code, rest) = page(east, expired["metadata"]["continue"].as_str().expect("another token")).await;
        assert_eq!((code, names(&rest)), (200, vec!["c", "d"]));
    });
}

#[test]
fn a_quiet_watch_gets_bookmarks_and_ends_in_time() {
    simulated(async |clock| {
        let world = World::new(clock.clone(), &["east"]);
        let east = &world.servers()[0];
        east.put(config_map("a", json!({})));
        let begun = clock.now();
        let path = format!("{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=150");
        assert_eq!(watched(east, &path).await, ["ADDED a", "BOOKMARK ", "BOOKMARK "]);
        assert_eq!(clock.now() - begun, Duration::from_secs(150));
    });
}
