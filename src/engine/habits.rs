//! What people type who know kubectl, Python or JavaScript, and what it is here: one table for all messages.

use super::nearest::nearest;

/// How a habit is recognised.
enum Typed {
    /// A word at the place of the mistake, or the last one before it.
    Word(&'static str),
    /// What stands directly before the place.
    Behind(&'static str),
    /// The call of a function whose first argument has this type.
    Call(&'static str, &'static str),
    /// The text before the place, and the text from there on.
    Shape(fn(&str, &str) -> bool),
}

use Typed::{Behind, Call, Shape, Word};

const LIST: &str = "kubectl's `get pods` is `kube.cluster(\"CONTEXT\").list(\"pods\")` here";
const NOTHING: &str = "nothing is `()` here";
const QUIT: &str = "`:quit` leaves the prompt; a script ends with `return`, or `throw` when something is wrong";
const HELP: &str = "`:help` at the prompt says what can be typed";

/// What is typed, and what is meant; the first one that fits. `NAME` is the word at the place, or the one before it.
const HABITS: [(Typed, &str); 32] = [
    (Behind("kube.get"), LIST),
    (Word("kubectl"), LIST),
    (Word("get"), LIST),
    (Word("describe"), "`kube.cluster(\"CONTEXT\").get(\"pod\", \"NAMESPACE/NAME\")` gives an object"),
    (Word("None"), NOTHING),
    (Word("null"), NOTHING),
    (Word("nil"), NOTHING),
    (Word("undefined"), NOTHING),
    (Word("True"), "it is `true` here"),
    (Word("False"), "it is `false` here"),
    (Word("help"), HELP),
    (Word("ls"), HELP),
    (Word("quit"), QUIT),
    (Word("exit"), QUIT),
    (Word("var"), "`let` makes a variable: `let x = 5;`"),
    (Word("def"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("function"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("func"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("elif"), "it is `else if` here"),
    (Word("raise"), "`throw` ends with an error: `throw \"why\";`"),
    (Word("and"), "it is `&&` here"),
    (Word("or"), "it is `||` here"),
    (Word("not"), "it is `!` here: `!ready`"),
    (Call("range", "int"), "`0..3` counts from 0 to 2: `for i in 0..3 { … }`"),
    (Call("append", "array"), "`push` adds an item to a list: `list.push(3)`; `append` adds all items of another list"),
    (Shape(is_format), "a text with values in it stands between back-ticks: `… ${name} …`"),
    (Shape(is_bare_call), "arguments stand in round brackets: `NAME(\"…\")`"),
    (Shape(is_comment), "a comment begins with `//`"),
    (Shape(is_map), "a map begins with `#{`: `#{NAME: …}`"),
    (Shape(is_named_argument), "options are a map, the last argument: `#{NAME: …}`"),
    (Shape(is_assignment), "a new variable begins with `let`: `let NAME = …`"),
    (Shape(is_bare_text), "if it is a text, it stands in quotes: `\"NAME\"`"),
];

/// What was meant at a place of a text, as a hint.
pub(super) fn at(text: &str, line: usize, column: usize) -> Option<String> {
    let (before, after) = split(text, line, column)?;
    let here = leading(after);
    let last = trailing(before.trim_end());
    let name = if here.is_empty() { last.trim_matches('"') } else { here };
    let is_field = before.trim_end().trim_end_matches(last).ends_with('.');
    let fits = |typed: &Typed| match typed {
        Word(word) => !before.ends_with('.') && here == *word || !is_field && last == *word,
        Behind(end) => before.trim_end().ends_with(end),
        Shape(fits) => fits(before, after),
        Call(..) => false,
    };
    let (_, meant) = HABITS.iter().find(|(typed, _)| fits(typed))?;
    Some(meant.replace("NAME: ", &format!("{name}: ")).replace("NAME", name))
}

/// What a name means that is no variable here.
pub fn word(name: &str) -> Option<&'static str> {
    let mut words = HABITS.iter();
    words.find(|(typed, _)| matches!(typed, Word(word) if *word == name)).map(|(_, meant)| *meant)
}

/// What the call of a function means that is none for arguments of these types.
pub(super) fn call(name: &str, types: &[&str]) -> Option<&'static str> {
    let fits = |typed: &Typed| matches!(typed, Call(known, first) if *known == name && types.first() == Some(first));
    HABITS.iter().find(|(typed, _)| fits(typed)).map(|(_, meant)| *meant)
}

/// A text before a place and from there on.
fn split(text: &str, line: usize, column: usize) -> Option<(&str, &str)> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let rest = text.get(start..)?;
    let chars = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    let at = chars.take(column).last()?;
    text.split_at_checked(start + at)
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn leading(text: &str) -> &str {
    &text[..text.find(|c| !is_part(c)).unwrap_or(text.len())]
}

/// The word at the end of a text, or the text in quotes there.
fn trailing(text: &str) -> &str {
    if let Some(start) = text.strip_suffix('"').and_then(|inner| inner.rfind('"')) {
        return &text[start..];
    }
    &text[text.trim_end_matches(is_part).len()..]
}

/// `f"…"`.
fn is_format(before: &str, after: &str) -> bool {
    after.starts_with(['"', '\'']) && trailing(before) == "f"
}

/// `print "…"`; `print` itself is the place, as Rhai keeps the name for itself.
fn is_bare_call(before: &str, after: &str) -> bool {
    const OTHERS: [&str; 7] = ["step", "import", "throw", "return", "on", "within", "as"];
    let here = leading(after);
    let (name, rest) =
        if here.is_empty() { (trailing(before.trim_end()), after) } else { (here, &after[here.len()..]) };
    let is_apart = if here.is_empty() { before.ends_with(' ') } else { rest.starts_with(' ') };
    let is_name = name.starts_with(char::is_alphabetic) && nearest(name, OTHERS).is_none();
    is_apart && is_name && rest.trim_start().starts_with('"')
}

/// `# …`.
fn is_comment(_: &str, after: &str) -> bool {
    after.starts_with('#') && !after.starts_with("#{")
}

/// What stands before the key in front of a colon.
fn before_key<'t>(before: &'t str, after: &str) -> Option<&'t str> {
    let key = trailing(before.trim_end());
    let is_key = after.starts_with(':') && !after.starts_with("::") && !key.is_empty();
    is_key.then(|| before.trim_end().trim_end_matches(key).trim_end())
}

/// `{a: 1}`.
fn is_map(before: &str, after: &str) -> bool {
    before_key(before, after).is_some_and(|open| open.ends_with('{') && !open.ends_with("#{"))
}

/// `f(a: 1)`.
fn is_named_argument(before: &str, after: &str) -> bool {
    before_key(before, after).is_some_and(|open| open.ends_with(['(', ',']))
}

/// `x = 5`.
fn is_assignment(before: &str, after: &str) -> bool {
    let name = leading(after);
    let rest = after[name.len()..].trim_start();
    let begins = before.trim_end_matches([' ', '\t']);
    let is_first = begins.is_empty() || begins.ends_with(['\n', ';', '{', '}']);
    is_first && !name.is_empty() && rest.starts_with('=') && !rest.starts_with("==")
}

/// `cluster.list(pods)`.
fn is_bare_text(before: &str, after: &str) -> bool {
    let Some(call) = before.strip_suffix('(') else { return false };
    let is_method = call.trim_end_matches(is_part).ends_with('.');
    let name = leading(after);
    is_method && !name.is_empty() && after[name.len()..].starts_with([')', ','])
}
