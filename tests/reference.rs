//! docs/reference.md is what the program's tables say, and its examples hold.

use std::path::Path;

const ANEW: &str = "MESHWRIGHT_WRITE_REFERENCE=1 cargo test --test reference";

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let page = meshwright::doc::reference();
    if std::env::var_os("MESHWRIGHT_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).find(|(kept, made)| kept != made);
    assert!(
        kept == page,
        "docs/reference.md is not what the tables say (first: {differs:?}). To make it anew:\n  {ANEW}"
    );
}
