//! A line of bash, split as bash splits it: quotes and backslashes, and no more.

/// How the word under the cursor is typed.
#[derive(Debug, Default, PartialEq)]
pub struct Typed {
    /// The quote that it is in.
    quote: Option<char>,
    /// How much of it, up to a `:` or `=`, bash takes for words before it.
    before: usize,
}

/// The words of a line behind the program's name; the last one is the one under the cursor, perhaps empty.
pub fn split(line: &str) -> (Vec<String>, Typed) {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    let current = word.unwrap_or_default();
    let before = if quote.is_none() { current.rfind([':', '=']).map_or(0, |at| at + 1) } else { 0 };
    words.push(current);
    (words.into_iter().skip(1).collect(), Typed { quote, before })
}

/// Words of a shell that puts candidates into an open quote itself: the last one without the quote that opens it.
pub fn unquoted(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(last) = words.last_mut() {
        *last = last.trim_start_matches(['"', '\'']).to_owned();
    }
    words
}

impl Typed {
    /// What bash is to put in place of the word, or of the part of it that it takes for the word.
    pub fn rest_of(&self, text: &str) -> String {
        let rest = text.get(self.before..).unwrap_or(text);
        if self.quote.is_some() {
            return rest.to_owned();
        }
        let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
        rest.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_bash_does_it() {
        let words = |line: &str| split(line).0;
        assert_eq!(words("meshwright "), [""]);
        assert_eq!(words("meshwright run  a"), ["run", "a"]);
        assert_eq!(words("meshwright run a "), ["run", "a", ""]);
        assert_eq!(words(r#"meshwright explain x "Prove the"#), ["explain", "x", "Prove the"]);
        assert_eq!(words(r"meshwright explain x Prove\ the"), ["explain", "x", "Prove the"]);
        assert_eq!(words("meshwright fork x --only 'step:Pro"), ["fork", "x", "--only", "step:Pro"]);
    }

    #[test]
    fn an_open_quote_is_no_part_of_a_word() {
        assert_eq!(unquoted(&["explain".to_owned(), "\"Prove".to_owned()]), ["explain", "Prove"]);
    }

    #[test]
    fn what_is_put_in_place_is_quoted_as_the_word_is() {
        let rest = |line: &str, text: &str| split(line).1.rest_of(text);
        assert_eq!(rest("m explain x Pro", "Prove the path"), r"Prove\ the\ path");
        assert_eq!(rest("m explain x \"Pro", "Prove the path"), "Prove the path");
        assert_eq!(rest("m fork x --only std:is", "std:istio/mesh"), "istio/mesh");
        assert_eq!(rest("m run x --dialect=cl", "--dialect=classic"), "classic");
        assert_eq!(rest("m explain x F", "Find the primary's gateway"), r"Find\ the\ primary\'s\ gateway");
    }
}
