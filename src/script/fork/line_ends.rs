//! The ends of lines. An editor or a checkout that ends them as Windows does has not changed them all.

/// A text with plain line ends, if every line of it ends as Windows ends lines.
pub(super) fn plain(content: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content).ok()?;
    let is_windows = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    is_windows.then(|| text.replace("\r\n", "\n").into_bytes())
}

/// A text with plain line ends as Windows ends them; other content as it is.
pub(super) fn windows(content: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(text) => text.replace('\n', "\r\n").into_bytes(),
        Err(other) => other.into_bytes(),
    }
}
