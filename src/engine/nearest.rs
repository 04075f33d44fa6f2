//! Which of the known names somebody may have meant.

/// The known name nearest to a misspelled one, if one is near enough to suggest.
pub fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wrong = wrong.to_lowercase();
    let alike = |name: &str| strsim::jaro_winkler(&wrong, &name.to_lowercase());
    let furthest = (wrong.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= furthest)
        // Of names equally near, the one that is alike from the beginning.
        .min_by(|(near, name), (other, as_near)| near.cmp(other).then_with(|| alike(as_near).total_cmp(&alike(name))))
        .map(|(_, name)| name)
}

/// A name that only lacks its end or differs in separators is as near as one typing mistake; one that goes on as near as
/// two.
fn distance(wrong: &str, known: &str) -> usize {
    let plain = |text: &str| text.replace(['-', '_'], "");
    let cut = wrong.len() >= 4 && known.starts_with(wrong);
    if cut || plain(wrong) == plain(known) {
        return 1;
    }
    let mistakes = strsim::damerau_levenshtein(wrong, known);
    if known.len() >= 3 && wrong.starts_with(known) { mistakes.min(2) } else { mistakes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("apllay", ["apply", "delete"]), Some("apply"));
        assert_eq!(nearest("time_out", ["timeout", "namespace"]), Some("timeout"));
        assert_eq!(nearest("namesp", ["timeout", "namespace"]), Some("namespace"));
        assert_eq!(nearest("srt", ["set", "sort"]), Some("sort"));
        assert_eq!(nearest("integer", ["string", "int"]), Some("int"));
        assert_eq!(nearest("frobnicate", ["apply", "delete"]), None);
    }
}
