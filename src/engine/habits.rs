//! What people type who know kubectl, Python or JavaScript, and what it is here: one table for all messages.

use super::lexer::{What, pieces};
use super::nearest::nearest;

/// How a habit is recognised.
enum Typed {
    /// A word at the place of the mistake, or the last one before it.
    Word(&'static str),
    /// What stands directly before the place.
    Behind(&'static str),
    /// The call of a function whose first argument has this type, or is this namespace object.
    Call(&'static str, &'static str),
    /// The call of a function, whatever it is called on.
    Called(&'static str),
    /// The text before the place, and the text from there on.
    Shape(fn(&str, &str) -> bool),
}

use Typed::{Behind, Call, Called, Shape, Word};

const LIST: &str = "kubectl's `get pods` is `kube.cluster(\"CONTEXT\").list(\"pods\")` here";
const OBJECT: &str = "`kube.cluster(\"CONTEXT\").get(\"pod\", \"NAMESPACE/NAME\")` gives an object";
const PROGRAM: &str = "programs are started with `exec.run(\"istioctl\", [\"version\"])`: one text for each word";

/// What stands behind `kubectl`, and what is meant.
const VERBS: &[(&str, &str)] = &[
    ("get", LIST),
    ("describe", OBJECT),
    (
        "apply",
        "kubectl's `apply` is `kube.cluster(\"CONTEXT\").apply(…)` here, with a map or YAML text; `exec.run(\"cat\", [\"x.yaml\"]).stdout` is a file's text",
    ),
    ("delete", "kubectl's `delete` is `kube.cluster(\"CONTEXT\").delete(\"pod\", \"NAMESPACE/NAME\")` here"),
    (
        "edit",
        "kubectl's `edit` is `kube.cluster(\"CONTEXT\").edit(\"deploy\", \"NAMESPACE/NAME\", |d| { d.spec.replicas = 3; d })` here",
    ),
    ("scale", "kubectl's `scale` is `kube.cluster(\"CONTEXT\").scale(\"deploy\", \"NAMESPACE/NAME\", 3)` here"),
    ("logs", "kubectl's `logs` is `kube.cluster(\"CONTEXT\").logs(\"NAMESPACE/POD\")` here"),
    ("exec", "kubectl's `exec` is `kube.cluster(\"CONTEXT\").exec(\"NAMESPACE/POD\", [\"ls\"])` here"),
    ("wait", "kubectl's `wait` is `wait.ready(kube.cluster(\"CONTEXT\"), \"deploy\", \"NAMESPACE/NAME\")` here"),
    ("explain", "kubectl's `explain` is `kube.explain(\"deploy.spec\")` at the prompt"),
    ("config", "`kube.contexts()` lists the contexts, `kube.cluster(\"CONTEXT\")` is one"),
];

const PAUSE: &str = "`wait.pause(\"5s\")` waits so long; `wait.ready(…)` until something is ready";
const LEN: &str = "`len()` counts";
const FILE: &str = "a program reads a file: `exec.run(\"cat\", [\"FILE\"]).stdout` is its text";
const CLOSURE: &str = "a closure is written `|x| …`";
const VARIABLE: &str = "`let` makes a variable: `let x = 5;`";
const NOTHING: &str = "nothing is `()` here";
const QUIT: &str = "`:quit` leaves the prompt; a script ends with `return`, or `throw` when something is wrong";
const HELP: &str = "`:help` at the prompt says what can be typed";

/// What there is in place of `case` and `default`.
pub const SWITCH: &str = "`switch` has neither `case` nor `default` here: `switch x { 1 => …, 2 | 3 => …, _ => … }`";

/// What is typed, and what is meant; the first one that fits. `NAME` is the word at the place, or the one before it.
const HABITS: &[(Typed, &str)] = &[
    (Behind("kube.get"), LIST),
    (Shape(is_case), SWITCH),
    (Word("kubectl"), LIST),
    (Word("get"), LIST),
    (Word("describe"), OBJECT),
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
    (Word("var"), VARIABLE),
    (Word("def"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("function"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("func"), "`fn` defines a function: `fn double(x) { x * 2 }`"),
    (Word("elif"), "it is `else if` here"),
    (Word("raise"), "`throw` ends with an error: `throw \"why\";`"),
    (Word("and"), "it is `&&` here"),
    (Word("or"), "it is `||` here"),
    (Word("not"), "it is `!` here: `!ready`"),
    (Call("get", "string"), LIST),
    (Call("get", "kube"), LIST),
    (Call("describe", "string"), OBJECT),
    (Called("help"), HELP),
    (Called("wait"), PAUSE),
    (Called("sleep"), PAUSE),
    (Called("size"), LEN),
    (Called("length"), LEN),
    (Called("count"), LEN),
    (Called("upper"), "`to_upper()` gives the text in capitals"),
    (Called("lower"), "`to_lower()` gives the text in small letters"),
    (Called("startswith"), "it is `starts_with` here"),
    (Called("endswith"), "it is `ends_with` here"),
    (Called("sum"), "`reduce` adds up: `list.reduce(|sum, x| sum + x, 0)`"),
    (Called("require"), "`import \"std:NAME\" as name;` makes a module known"),
    (Called("open"), FILE),
    (Called("read_file"), FILE),
    (Called("print"), "`print` takes one value; a text with several in it: print(`${a} ${b}`)"),
    (Word("lambda"), CLOSURE),
    (Word("of"), "`in` stands there: `for x in list { … }`"),
    (Word("echo"), "`print` shows a text: `print(\"…\")`"),
    (Word("int"), VARIABLE),
    (Word("string"), VARIABLE),
    (Word("catch"), "the error stands in round brackets: `catch (e) { … }`"),
    (Word("cluster"), "`:use CONTEXT` at the prompt makes it; in a script: `let cluster = kube.cluster(\"CONTEXT\");`"),
    (Called("step"), "a step is written `step \"NAME\" { … }`, or `step \"NAME\" on CLUSTER { … }`"),
    (Called("str"), "`x.to_string()` gives a value as text"),
    (Shape(is_arrow), CLOSURE),
    (Shape(is_ternary), "`if` has a value: `let x = if ready { 1 } else { 2 };`"),
    (Shape(is_counting), "`x += 1` counts up, `x -= 1` down"),
    (Shape(is_long_key), "a key with `-`, `.` or `/` in it stands in brackets: `labels[\"app.kubernetes.io/name\"]`"),
    (Shape(is_dollar), VARIABLE),
    (Shape(is_question), HELP),
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
pub fn at(text: &str, line: usize, column: usize) -> Option<String> {
    let (before, after) = split(text, line, column)?;
    let here = leading(after);
    let last = trailing(before.trim_end());
    let name = if here.is_empty() { last.trim_matches('"') } else { here };
    if let Some(meant) = command(before, after) {
        return Some(meant.to_owned());
    }
    if let Some(meant) = bare_import(text.lines().nth(line - 1)?) {
        return Some(meant);
    }
    let is_field = before.trim_end().trim_end_matches(last).ends_with('.');
    let fits = |typed: &Typed| match typed {
        Word(word) => !before.ends_with('.') && here == *word || !is_field && last == *word,
        Behind(end) => before.trim_end().ends_with(end),
        Shape(fits) => fits(before, after),
        Call(..) | Called(_) => false,
    };
    let (_, meant) = HABITS.iter().find(|(typed, _)| fits(typed))?;
    Some(meant.replace("NAME: ", &format!("{name}: ")).replace("NAME", name))
}

/// What a line of a shell means.
fn command(before: &str, after: &str) -> Option<&'static str> {
    let line =
        format!("{}{}", before.lines().next_back().unwrap_or_default(), after.lines().next().unwrap_or_default());
    let mut words = line.split_whitespace().skip_while(|word| *word == "$");
    let known = |word: &str| VERBS.iter().find(|(verb, _)| *verb == word).map(|(_, meant)| *meant);
    match words.next()? {
        "kubectl" | "k" if line.trim() != "k" => words.find_map(known).or(Some(LIST)),
        "istioctl" | "helm" | "kubectx" => Some(PROGRAM),
        _ => None,
    }
}

/// `import std:istio/mesh as mesh;`
fn bare_import(line: &str) -> Option<String> {
    let said = line.trim().strip_prefix("import ")?.split(';').next()?.trim();
    let (path, alias) = said.split_once(" as ").unwrap_or((said, ""));
    let path = path.trim();
    let fits = |c: char| c.is_alphanumeric() || "_-.:/".contains(c);
    if path.is_empty() || !path.chars().all(fits) {
        return None;
    }
    let last = path.trim_end_matches(".rhai").rsplit(['/', ':']).next().unwrap_or(path).replace('-', "_");
    let alias = if alias.trim().is_empty() { &last } else { alias.trim() };
    Some(format!("the path stands in quotes: `import \"{path}\" as {alias};`"))
}

/// Lines on which `//` was to divide: what follows it is a number, or a name and the end of the statement. The place of
/// each, in lines and columns from 1.
pub fn divisions(text: &str) -> Vec<(usize, usize)> {
    let all = pieces(text);
    let divides = all.windows(2).filter(|pair| {
        let What::Comment(comment) = pair[1].what else { return false };
        let Some(said) = comment.strip_prefix("//").map(str::trim) else { return false };
        let by = said.trim_end_matches([';', ')', ' ']);
        let is_number = by.starts_with(|c: char| c.is_ascii_digit()) && by.parse::<f64>().is_ok();
        let is_name = by != said && !by.is_empty() && by.chars().all(is_part);
        let is_value = matches!(pair[0].what, What::Word(_) | What::Symbol(')' | ']'));
        is_value && pair[0].line == pair[1].line && (is_number || is_name)
    });
    let column = |start: usize| text[..start].chars().rev().take_while(|c| *c != '\n').count() + 1;
    divides.map(|pair| (pair[1].line, column(pair[1].start))).collect()
}

/// What is said of a line on which `//` was to divide.
pub const DIVISION: &str =
    "`//` begins a comment: nothing behind it counts; `/` divides whole numbers without their fraction";

/// What a name means that is no variable here.
pub fn word(name: &str) -> Option<&'static str> {
    let mut words = HABITS.iter();
    words.find(|(typed, _)| matches!(typed, Word(word) if *word == name)).map(|(_, meant)| *meant)
}

/// What the call of a function means that is none for a first argument of this type, or on this namespace object.
pub fn call(name: &str, on: &str) -> Option<&'static str> {
    let fits = |typed: &Typed| match typed {
        Called(known) => *known == name,
        Call(known, first) => *known == name && *first == on,
        _ => false,
    };
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

/// `cluster.list(pods)`, `#{namespace: default}`.
fn is_bare_text(before: &str, after: &str) -> bool {
    let name = leading(after);
    let (rest, before) = (after[name.len()..].trim_start(), before.trim_end());
    let is_value = before.strip_suffix(':').is_some_and(|key| key.ends_with(is_part));
    let is_method = before.strip_suffix('(').is_some_and(|call| call.trim_end_matches(is_part).ends_with('.'));
    !name.is_empty() && (is_method && rest.starts_with([')', ',']) || is_value && rest.starts_with(['}', ',']))
}

/// `case 1 =>`, `case "a":`, `default =>`.
fn is_case(before: &str, after: &str) -> bool {
    let line = before.lines().next_back().unwrap_or_default();
    let arm = line.rsplit(['{', ',', ';', '}']).next().unwrap_or_default().trim_start();
    let is_arm = |text: &str| {
        let rest = text.trim_start();
        rest.starts_with("=>") || rest.starts_with(':') && before.contains("switch ")
    };
    let is_default = arm == "default" && is_arm(after);
    is_default || arm == "case" || arm.starts_with("case ") || after.strip_prefix("default").is_some_and(is_arm)
}

/// `x => …`, behind a bracket or a comma.
fn is_arrow(before: &str, after: &str) -> bool {
    let name = trailing(before.trim_end());
    let open = before.trim_end().trim_end_matches(name).trim_end();
    after.starts_with("=>") && open.ends_with(['(', ','])
}

/// `$x = 5`.
fn is_dollar(_: &str, after: &str) -> bool {
    after.starts_with('$')
}

/// `ready ? 1 : 2`.
fn is_ternary(before: &str, after: &str) -> bool {
    let line = before.lines().next_back().unwrap_or_default();
    after.starts_with("? ") && !line.trim().is_empty() && after.lines().next().is_some_and(|rest| rest.contains(':'))
}

/// `x++`.
fn is_counting(_: &str, after: &str) -> bool {
    after.starts_with("++") || after.starts_with("--")
}

/// `o.data.my-key`, `o.metadata.labels.app.kubernetes.io/name`; the place is behind the sign.
fn is_long_key(before: &str, after: &str) -> bool {
    let Some(path) = before.strip_suffix(['-', '/']) else { return false };
    let path = &path[path.trim_end_matches(|c| is_part(c) || c == '.').len()..];
    path.contains('.') && path.ends_with(is_part) && after.starts_with(char::is_alphabetic)
}

/// `?`, alone.
fn is_question(before: &str, after: &str) -> bool {
    before.trim().is_empty() && after.trim() == "?"
}
