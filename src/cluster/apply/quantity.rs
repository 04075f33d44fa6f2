//! Resource quantities: `1000m` and `1` are the same amount, and the server writes the shorter.

/// Whether both texts are quantities of the same amount.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || amount(one).is_some_and(|amount_of_one| amount(other) == Some(amount_of_one))
}

/// The amount in billionths.
fn amount(text: &str) -> Option<i128> {
    const SUFFIXES: [(&str, i128, i128); 15] = [
        ("Ki", 1 << 10, 1),
        ("Mi", 1 << 20, 1),
        ("Gi", 1 << 30, 1),
        ("Ti", 1 << 40, 1),
        ("Pi", 1 << 50, 1),
        ("Ei", 1 << 60, 1),
        ("n", 1, 1_000_000_000),
        ("u", 1, 1_000_000),
        ("m", 1, 1_000),
        ("k", 1_000, 1),
        ("M", 1_000_000, 1),
        ("G", 1_000_000_000, 1),
        ("T", 1_000_000_000_000, 1),
        ("P", 1_000_000_000_000_000, 1),
        ("E", 1_000_000_000_000_000_000, 1),
    ];
    let known = SUFFIXES.iter().find_map(|(suffix, times, over)| Some((text.strip_suffix(suffix)?, *times, *over)));
    let (number, times, over) = known.unwrap_or((text, 1, 1));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || whole.len() > 12 {
        return None;
    }
    let billionths: i128 = format!("{whole}{fraction:0<9}").parse().ok()?;
    (billionths * times % over == 0).then_some(billionths * times / over)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn the_same_amount_has_many_names() {
        for (one, other) in [("1000m", "1"), ("0.5", "500m"), ("2048Mi", "2Gi"), ("1k", "1000"), ("1.5Gi", "1536Mi")] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("1", "2"), ("1Gi", "1G"), ("a", "b"), ("", "0x"), ("1e", "1")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
